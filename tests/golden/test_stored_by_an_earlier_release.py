"""What an earlier build of release 0.1.0 stored is read as it is: user records, a trainer's checkpoint, weights.

The files beside this one were written by that build. A field that is renamed names the key under which it is stored
(`rename=` of its type); a field that is added has a default.
"""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np

from features.views import feature_schema_id
from inference.learning.online_trainer_checkpoint import restore
from inference.learning.weights_file import read_weights
from streams.state.user_record import UserRecord, pack, unpack
from tests.unit.streams.trainer_fixtures import COLUMNS, CONFIGS, choice, make_online_trainer

FOLDER = Path(__file__).parent


def user_records() -> dict[str, UserRecord]:
    stored = msgspec.msgpack.decode((FOLDER / "user_records.msgpack").read_bytes(), type=dict[str, bytes])
    return {user: unpack(state) for user, state in stored.items()}


def test_user_records_are_read_with_all_that_they_hold() -> None:
    records = user_records()
    assert sorted(records) == ["u0", "u1"]
    assert sum(record.user.choices for record in records.values()) == 30
    for record in records.values():
        assert sum(stats.count for stats in record.user.user_item_statistics.values()) == record.user.choices
        assert record.agent.memories, "what the agent remembers"
        assert record.user.session.session_id == "", "added since"
        assert unpack(pack(record)) == record


def test_a_trainers_checkpoint_goes_on_where_it_stood() -> None:
    trainer = make_online_trainer({name: CONFIGS[name] for name in ("default", "quick")})
    assert restore(trainer, (FOLDER / "trainer_checkpoint.msgpack").read_bytes())
    assert trainer.first.prequential_queries == 10
    assert [status.examples for status in trainer.variant_statuses()] == [8, 8]
    afresh = make_online_trainer({name: CONFIGS[name] for name in ("default", "quick")})
    for number in range(10):
        afresh.learn(choice(number))
    for name, variant in trainer.variants.items():
        own, other = variant.model.weights(), afresh.variants[name].model.weights()
        assert all(np.allclose(own[part], other[part], atol=1e-5) for part in own)


def test_weights_are_read_with_their_variants() -> None:
    weights = read_weights(FOLDER / "weights.npz")
    assert (weights.version, weights.table) == (7, feature_schema_id(COLUMNS))
    assert weights.arrays["linear"].shape == (len(COLUMNS),)
