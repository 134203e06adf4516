"""What a user stated for times of the week holds at the gateway by the time that the stream has reached."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from msgspec.structs import replace

from features.recurring_times import WEEKDAYS
from schemas.codec import encode
from schemas.instructions import RecurringTime
from schemas.plans import ConditionalRule, Constraints
from schemas.topics import ITEMS
from tests.builders import item
from tests.unit.deploy.gateway_fixtures import NOW, build, eventually, indexed, running


def test_lists_of_before_searches_and_similar_items_keep_to_what_holds_at_this_time() -> None:
    kinds = ("thriller", "thriller", "family")
    films = [replace(item(f"i{number}", kind), title="A film") for number, kind in enumerate(kinds)]
    built = build(items=indexed(*films))
    built.topics.deliver(ITEMS, [(film.item_id, encode(film)) for film in films])
    today = WEEKDAYS[datetime.fromtimestamp(NOW, UTC).weekday()]
    for user, days in (("ann", (today,)), ("bob", tuple(day for day in WEEKDAYS if day != today))):
        rule = ConditionalRule(kind="ban", category="thriller", when=RecurringTime(days=days))
        built.publish(user, 1, items=3, constraints=Constraints(rules=(rule,)))
    with running(built) as gateway:

        def items(path: str, **more: Any) -> set[str]:
            body = gateway.get(path, **more).json()
            return {entry["item_id"] for entry in (body["slates"][0] if "slates" in body else body)["items"]}

        eventually(lambda: gateway.get("/v1/search", q="film").json().get("total") == 3)
        for user, allowed in (("ann", {"i2"}), ("bob", {"i0", "i1", "i2"})):
            assert items(f"/v1/recommendations/{user}", timeout_ms=0) == allowed
            assert items("/v1/search", q="film", user=user) == allowed
            assert items("/v1/items/i0/similar", user=user) == allowed - {"i0"}
