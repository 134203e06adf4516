"""The catalogue as agents read it: a worker's item table."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice

from agents.planning.new_items import NEW_ITEMS_READ, NewItem
from inference.items.table import ItemTable
from schemas.ids import ItemId
from schemas.plans import Limit

OPENED_READ = 8 * NEW_ITEMS_READ
"""How many of the newest items are looked through for those of the user's locale."""


class ItemCatalogue:
    """Reads an item table (`agents.catalogue.CatalogueReader`).

    >>> from schemas.items import Item
    >>> table = ItemTable(())
    >>> table.put_item(Item(item_id="i1", categories=("jazz",), price=2.5, available_from=9.0))
    >>> catalogue = ItemCatalogue(table)
    >>> catalogue.fact(ItemId("i1"), "price"), [new.item_id for new in catalogue.arrivals(8.0, 9.0, "")]
    (2.5, ['i1'])
    """

    def __init__(self, table: ItemTable) -> None:
        self._table = table

    def categories(self, item: ItemId) -> tuple[str, ...]:
        """Return the item's categories, none if the item is unknown."""
        return self._table.categories(item)

    def fact(self, item: ItemId, name: str) -> float | None:
        """Return a fact of the item, none if it is unknown."""
        return self._table.fact(item, name)

    def keeps(self, item: ItemId, limits: Iterable[Limit]) -> bool:
        """Return whether the item is known to keep within all limits."""
        number = self._table.number.get(item)
        return number is not None and self._table.facts.keeps(number, limits)

    def arrivals(self, since: float, until: float, locale: str) -> tuple[NewItem, ...]:
        """Return the newest items that are available from a time after `since`, and at `until`, in this locale."""
        table = self._table
        opened = table.availability.opened(since, until, OPENED_READ)
        shown = (table.ids[number] for number in opened if table.availability.shows(number, until, locale))
        ids = islice(shown, NEW_ITEMS_READ)
        return tuple(NewItem(item, table.categories(item), table.attributes(item)) for item in ids)
