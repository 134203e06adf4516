"""Files of events and items: whatever their columns are called, and nothing silently dropped."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from deploy.importing import TAGS, TYPES, Refused, UnreadableFile, parse_map, read_events, read_items
from schemas.interactions import AddToCart, Click, Purchase, Rating, View
from tests.builders import START

NOW = START + 1e6


def written(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text)
    return path


def events(path: Path, columns: str = "", limit: int | None = None):  # type: ignore[no-untyped-def]
    refused = Refused()
    return read_events(path, parse_map(columns), now=NOW, refused=refused, limit=limit), refused


def test_events_come_in_time_order_and_keep_their_place(tmp_path: Path) -> None:
    path = written(tmp_path, "e.csv", f"user,item,timestamp,rating\nann,b,{START + 5},3\nann,a,{START},4\n")
    indexed, refused = events(path)
    assert [(index, event.item_id) for index, event in indexed] == [(0, "a"), (1, "b")]
    assert all(isinstance(event, Rating) for _, event in indexed)
    assert not refused.reasons


def test_ties_keep_the_order_of_the_file(tmp_path: Path) -> None:
    lines = "".join(f"ann,i{n},{START}\n" for n in range(20))
    indexed, _ = events(written(tmp_path, "e.csv", "user,item,time\n" + lines))
    assert [event.item_id for _, event in indexed] == [f"i{n}" for n in range(20)]
    assert isinstance(indexed[0][1], Click)


def test_columns_are_mapped_by_name_and_baskets_are_purchases(tmp_path: Path) -> None:
    path = written(tmp_path, "e.csv", "who,what,day,order\n7.0,x,2023-11-14,o1\n")
    indexed, _ = events(path, "user=who,item=what,time=day,basket=order")
    event = indexed[0][1]
    assert isinstance(event, Purchase)
    assert (event.user_id, event.basket_id) == ("7.0", "o1")


def test_a_value_beside_baskets_is_an_amount(tmp_path: Path) -> None:
    path = written(tmp_path, "e.csv", f"user,item,time,value,basket\nann,a,{START},2.5,o1\n")
    [(_, event)], refused = events(path)
    assert isinstance(event, Purchase)
    assert event.basket_id == "o1"
    assert not refused.reasons
    [(_, event)], _ = events(path, "value=value")
    assert isinstance(event, Rating)
    path = written(tmp_path, "r.csv", f"user,item,time,rating,order_id\nann,a,{START},5,o1\n")
    [(_, event)], _ = events(path)
    assert isinstance(event, Rating)
    [(_, event)], _ = events(path, "basket=order_id")
    assert isinstance(event, Purchase)


def test_types_go_by_the_names_that_logs_give_them(tmp_path: Path) -> None:
    words = ("View", "addtocart", "Add to cart", "add_to_cart", "transaction", "Haggle_For")
    lines = "".join(f"ann,i{index},{START + index},{word}\n" for index, word in enumerate(words))
    indexed, refused = events(written(tmp_path, "e.csv", "user,item,time,type\n" + lines))
    assert [type(event) for _, event in indexed] == [View, AddToCart, AddToCart, AddToCart, Purchase]
    [(reason, count)] = refused.reasons.items()
    assert "Haggle_For" in reason
    assert count == 1
    assert set(TYPES.values()) < TAGS
    assert not set(TYPES) & TAGS


def test_dates_of_parquet_are_dates(tmp_path: Path) -> None:
    times = pd.to_datetime([START, START + 60], unit="s").astype("datetime64[us]")
    pd.DataFrame({"user": ["a", "b"], "item": [1, 2], "time": times}).to_parquet(tmp_path / "e.parquet")
    indexed, _ = events(tmp_path / "e.parquet")
    assert [event.event_time for _, event in indexed] == [START, START + 60]


def test_bad_rows_are_counted_by_reason_and_the_rest_is_read(tmp_path: Path) -> None:
    text = f"user,item,time\nann,a,{START}\n,b,{START}\nbob,c,never\neve,d,12\n"
    indexed, refused = events(written(tmp_path, "e.csv", text))
    assert [event.user_id for _, event in indexed] == ["ann"]
    assert sum(refused.reasons.values()) == 3


def test_the_same_row_has_the_same_event_id(tmp_path: Path) -> None:
    path = written(tmp_path, "e.csv", f"user,item,time\nann,a,{START}\n")
    assert events(path)[0] == events(path)[0]


@pytest.mark.parametrize("columns", ["user=nobody", "who=user"])
def test_a_wrong_map_is_refused_by_name(tmp_path: Path, columns: str) -> None:
    path = written(tmp_path, "e.csv", f"user,item,time\nann,a,{START}\n")
    with pytest.raises(UnreadableFile, match=r"nobody|who"):
        events(path, columns)


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFile, match="ending"):
        events(written(tmp_path, "e.xls", "x"))


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFile, match=r"nothing\.csv' is no file"):
        events(tmp_path / "nothing.csv")


def test_items_have_titles_and_categories_however_they_are_parted(tmp_path: Path) -> None:
    path = written(tmp_path, "i.csv", "movie_id,title,genres\n1,Alien,Horror|Sci-Fi\n2,Heat,\n")
    alien, heat = read_items(path, now=NOW, refused=Refused())
    assert (alien.item_id, alien.title, alien.categories) == ("1", "Alien", ("Horror", "Sci-Fi"))
    assert heat.categories == ()
