"""What an agent asks of the catalogue, beyond the item of the event at hand."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

from agents.planning.new_items import NewItem
from schemas.ids import ItemId
from schemas.plans import Limit


class CatalogueReader(Protocol):
    """Reads the catalogue as it is known now. Never blocks, never raises; the same question may be asked again."""

    def categories(self, item: ItemId) -> tuple[str, ...]:
        """Return the item's categories, none if the item is unknown."""
        ...

    def fact(self, item: ItemId, name: str) -> float | None:
        """Return a fact of the item (`features.item_facts`), none if it is unknown."""
        ...

    def keeps(self, item: ItemId, limits: Iterable[Limit]) -> bool:
        """Return whether the item is known to keep within all limits."""
        ...

    def arrivals(self, since: float, until: float, locale: str) -> Sequence[NewItem]:
        """Return the newest items that are available from a time after `since`, and at `until`, both event times, to a
        user of this locale; at most `agents.planning.new_items.NEW_ITEMS_READ`.
        """
        ...


class EmptyCatalogue:
    """A catalogue without items."""

    def categories(self, item: ItemId) -> tuple[str, ...]:
        """See `CatalogueReader`."""
        del item
        return ()

    def fact(self, item: ItemId, name: str) -> float | None:
        """See `CatalogueReader`."""
        del item, name
        return None

    def keeps(self, item: ItemId, limits: Iterable[Limit]) -> bool:
        """See `CatalogueReader`."""
        del item, limits
        return False

    def arrivals(self, since: float, until: float, locale: str) -> Sequence[NewItem]:
        """See `CatalogueReader`."""
        del since, until, locale
        return ()


EMPTY_CATALOGUE: CatalogueReader = EmptyCatalogue()
