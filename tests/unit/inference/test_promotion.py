"""The promotion policy: better variants serve, worse ones are refused or rolled back, equal ones hardly ever swap."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from msgspec.structs import replace

from features.item_factors import FACTOR_WIDTH
from inference.learning import online_trainer_checkpoint
from inference.learning.example_metrics import example_metrics
from inference.learning.examples import Example, from_choice
from inference.learning.loaded_model import digest
from inference.learning.model_variant import VariantConfig
from inference.learning.online_trainer import OnlineTrainer
from inference.learning.promotion import PromotionDecision, PromotionPolicy, PromotionRules, means_by_user
from inference.learning.sampling import EXAMPLE_ROWS, correction
from inference.learning.weights_file import write_weights
from inference.ranking.network import initial
from schemas.ids import ItemId, UserId
from tests.unit.streams.trainer_fixtures import COLUMNS, CONFIGS, choice, command, make_online_trainer

RULES = PromotionRules(level=0.05, minimum_effect=0.01, horizon=400, cool_down=64)
USERS = [UserId(f"u{number}") for number in range(16)]


def train_on(trainer: OnlineTrainer, numbers: range, column: int = -1) -> list[PromotionDecision]:
    """Return the decisions while users choose the item that is highest in one column."""
    decisions = []
    for number in numbers:
        decisions += trainer.learn(choice(number, user=f"u{number % 40}", column=column))
    return decisions


def outcomes(decisions: list[PromotionDecision]) -> list[tuple[str, str]]:
    return [(decision.decision, decision.variant) for decision in decisions]


def policy_of(*names: str, rules: PromotionRules = RULES) -> PromotionPolicy:
    return PromotionPolicy(("default", *names), "default", rules)


def observe(policy: PromotionPolicy, blocks: int, **gains: float) -> list[PromotionDecision]:
    """Return the decisions when each variant gains so much by every example."""
    decisions: list[PromotionDecision] = []
    for _ in range(blocks):
        block_gains = {name: np.full(len(USERS), gain) for name, gain in gains.items()}
        decisions += policy.observe(block_gains, USERS)
    return decisions


def first(policy: PromotionPolicy, **gains: float) -> tuple[str, str]:
    """Return the first decision when each variant gains so much by every example."""
    for _ in range(100):
        if decisions := observe(policy, 1, **gains):
            return decisions[0].decision, decisions[0].variant
    return "nothing", ""


def test_a_better_challenger_is_promoted_and_a_bad_one_refused() -> None:
    trainer = make_online_trainer(rules=RULES, block=16)
    decisions = train_on(trainer, range(400))
    assert outcomes(decisions)[:3] == [("promoted", "quick"), ("refused", "default"), ("refused", "still")]
    assert trainer.champion.name == "quick"
    promoted = decisions[outcomes(decisions).index(("promoted", "quick"))]
    assert promoted.difference is not None
    assert promoted.difference.lower > RULES.minimum_effect
    assert promoted.by == "gate"


def test_a_champion_that_deteriorates_is_rolled_back_automatically(tmp_path: Path) -> None:
    trainer = make_online_trainer(rules=RULES, block=16)
    train_on(trainer, range(600))
    good = trainer.export(1)
    negated = {name: part if name in ("inner", "bias") else -part for name, part in good.arrays.items()}
    path = tmp_path / "bad.npz"
    write_weights(path, replace(good, arrays=negated))
    [promoted] = trainer.learn(command(1, uri=str(path), sha256=digest(path.read_bytes())))
    assert (promoted.decision, promoted.by, promoted.against) == ("promoted", "operator", "quick")
    assert trainer.champion.name == promoted.variant
    assert np.array_equal(trainer.export(2).arrays["linear"], negated["linear"])
    back = train_on(trainer, range(600, 900))[0]
    assert (back.decision, back.variant, back.against, back.by) == ("rolled-back", "quick", promoted.variant, "gate")
    assert trainer.champion.name == "quick"
    assert promoted.variant not in trainer.variants


def test_a_rolled_back_champion_has_learned_on_meanwhile() -> None:
    trainer, calm = make_online_trainer(rules=RULES, block=16), make_online_trainer(rules=RULES, block=16)
    train_on(trainer, range(200))
    train_on(calm, range(200))
    trainer.learn(command(1, variant="still"))
    assert outcomes(train_on(trainer, range(200, 300)))[0] == ("rolled-back", "quick")
    train_on(calm, range(200, 300))
    assert np.array_equal(trainer.export(1).arrays["linear"], calm.export(1).arrays["linear"])


def test_an_undecided_challenger_is_refused_at_the_horizon_and_cools_down() -> None:
    policy = policy_of("twin", rules=replace(RULES, minimum_effect=0.0))
    decisions = observe(policy, 25, default=0.5, twin=0.5)
    assert outcomes(decisions) == [("refused", "twin")]
    assert "undecided" in decisions[0].reason
    assert policy.role("twin") == "resting"
    assert policy.difference("twin") is None
    observe(policy, 4, default=0.5, twin=0.5)
    assert policy.role("twin") == "challenger"


def test_a_challenger_is_not_promoted_while_it_cools_down() -> None:
    policy = policy_of("other")
    assert first(policy, default=0.9, other=0.1) == ("refused", "other")
    since = policy.scored
    assert first(policy, default=0.1, other=0.9) == ("promoted", "other")
    assert policy.scored - since > RULES.cool_down


def test_each_refusal_in_a_row_doubles_the_cool_down() -> None:
    policy, at = policy_of("other"), []
    for _ in range(400):
        if observe(policy, 1, default=0.9, other=0.1):
            at.append(policy.scored)
    rests = np.diff(at)
    assert len(at) > 4
    assert (rests[1:] > 1.5 * rests[:-1]).all()


def test_a_gain_below_the_minimum_effect_promotes_nobody() -> None:
    policy = policy_of("other", rules=replace(RULES, minimum_effect=0.05))
    assert set(outcomes(observe(policy, 400, default=0.5, other=0.52))) == {("refused", "other")}


def test_the_previous_champion_is_a_rollback_candidate_and_later_a_challenger_again() -> None:
    policy = policy_of("other")
    assert first(policy, default=0.1, other=0.9) == ("promoted", "other")
    assert (policy.champion, policy.role("default")) == ("other", "guard")
    [decision] = observe(policy, 1, default=0.1, other=0.9)
    assert (decision.decision, decision.variant) == ("refused", "default")
    assert "keeps its place" in decision.reason
    assert policy.role("default") == "resting"
    assert policy.roll_back(reason="by hand").decision == "rolled-back"


def test_a_new_champion_that_turns_out_worse_is_rolled_back_at_once_and_cools_down() -> None:
    policy = policy_of("other", "third")
    assert first(policy, default=0.1, other=0.9, third=0.1) == ("promoted", "other")
    assert first(policy, default=0.9, other=0.1, third=0.95) == ("rolled-back", "default")
    assert (policy.champion, policy.role("other"), policy.previous) == ("default", "resting", "")


def test_an_impossible_operator_command_is_refused_with_the_reason() -> None:
    policy = policy_of("other")
    assert "serves already" in policy.promote("default", reason="").reason
    assert "['default', 'other']" in policy.promote("third", reason="").reason
    assert "no champion before" in policy.roll_back(reason="").reason
    assert policy.champion == "default"


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda weights: replace(weights, table="another"), "feature schema"),
        (lambda weights: replace(weights, arrays={"linear": weights.arrays["linear"]}), "shapes"),
        (lambda weights: replace(weights, arrays={n: p * np.nan for n, p in weights.arrays.items()}), "not finite"),
        (
            lambda weights: replace(weights, vector_ids=(ItemId("i1"),), vectors=np.zeros((1, 4), np.float32)),
            "factors of another form",
        ),
        (
            lambda weights: replace(
                weights, vector_ids=(ItemId("i1"),), vectors=np.full((1, FACTOR_WIDTH), np.nan, np.float32)
            ),
            "not finite",
        ),
    ],
)
def test_weights_that_cannot_serve_are_refused(spoil, reason: str, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    trainer, path = make_online_trainer(), tmp_path / "weights.npz"
    write_weights(path, spoil(trainer.export(1)))
    [decision] = trainer.learn(command(1, uri=str(path), sha256=digest(path.read_bytes())))
    assert (decision.decision, trainer.champion.name) == ("refused", "default")
    assert reason in decision.reason


@pytest.mark.parametrize("content", [None, b"", b"no weights", b"PK\x03\x04"])
def test_a_file_without_weights_or_with_another_digest_is_refused(content: bytes | None, tmp_path: Path) -> None:
    trainer, path = make_online_trainer(), tmp_path / "weights.npz"
    sha256 = "0" * 64
    if content is not None:
        path.write_bytes(content)
        sha256 = digest(path.read_bytes())
    assert trainer.learn(command(1, uri=str(path), sha256=sha256))[0].decision == "refused"
    path.write_bytes(b"another")
    assert "another" in trainer.learn(command(2, uri=str(path), sha256=sha256))[0].reason


def test_a_variant_whose_scores_are_not_finite_gains_nothing() -> None:
    broken = {name: part * np.float32(np.nan) for name, part in initial(COLUMNS).items()}
    example = from_choice(choice(1), len(COLUMNS))
    assert example is not None
    metrics = example_metrics(broken, [example, example])
    assert (metrics.gain.tolist(), metrics.hit.tolist(), metrics.loss.tolist()) == ([0.0] * 2, [0.0] * 2, [20.0] * 2)


def example(number: int, rows: int) -> Example:
    rng = np.random.default_rng(number)
    target = np.zeros(rows, np.float32)
    target[number % rows] = 1.0
    return Example(rng.standard_normal((rows, len(COLUMNS))).astype(np.float32), target, correction(rows))


def test_metrics_of_a_batch_of_examples_equal_those_one_by_one() -> None:
    examples = [example(number, rows) for number, rows in enumerate((3, 12, EXAMPLE_ROWS, EXAMPLE_ROWS, 2))]
    rng = np.random.default_rng(0)
    arrays = {name: rng.standard_normal(part.shape).astype(np.float32) for name, part in initial(COLUMNS).items()}
    together = example_metrics(arrays, examples)
    for index, single in enumerate(examples):
        hidden = np.tanh(single.features @ arrays["inner"] + arrays["bias"])
        scores = hidden @ arrays["outer"] + single.features @ arrays["linear"]
        target = int(single.target.argmax())
        rank = 1.0 + sum(
            np.exp(single.offset[row]) for row in range(len(scores)) if row != target and scores[row] > scores[target]
        )
        assert together.gain[index] == pytest.approx(1.0 / np.log2(1.0 + rank), rel=1e-5)
        assert together.hit[index] == (rank <= 10)
        raised = scores + single.offset
        assert together.loss[index] == pytest.approx(np.logaddexp.reduce(raised) - raised[target], rel=1e-4)


def test_an_example_is_evaluated_with_weights_from_before_its_block() -> None:
    trainer = make_online_trainer(block=16)
    train_on(trainer, range(16))
    start = {name: part.copy() for name, part in trainer.variants["quick"].model.weights().items()}
    before = trainer.variants["quick"].metrics.gain
    train_on(trainer, range(16, 32))
    examples = [each for number in range(16, 32) if (each := from_choice(choice(number), len(COLUMNS))) is not None]
    expected = before + (example_metrics(start, examples).gain.sum() - 16 * before) / 32
    assert trainer.variants["quick"].metrics.gain == pytest.approx(expected)


def restored_under(configs: Mapping[str, VariantConfig]) -> OnlineTrainer:
    """Return a trainer of these configs, restored from one that learned with the default configs."""
    before, after = make_online_trainer(rules=RULES, block=16), make_online_trainer(configs, rules=RULES, block=16)
    train_on(before, range(64))
    assert before.champion.name == "quick"
    assert online_trainer_checkpoint.restore(after, online_trainer_checkpoint.checkpoint(before))
    return after


def test_a_new_variant_begins_as_a_copy_of_the_champion() -> None:
    after = restored_under({**CONFIGS, "newer": VariantConfig(rate=0.5)})
    weights = after.variants["newer"].model.weights()
    assert np.array_equal(weights["inner"], after.variants["quick"].model.weights()["inner"])
    train_on(after, range(60, 80))
    assert not np.array_equal(
        after.variants["newer"].model.weights()["inner"], after.variants["quick"].model.weights()["inner"]
    )


def test_a_variant_without_a_config_stays_while_it_serves() -> None:
    after = restored_under({"default": CONFIGS["default"], "other": VariantConfig(rate=0.5)})
    assert after.champion.name == "quick"
    assert set(after.variants) == {"default", "other", "quick"}
    after.learn(command(1, "promote", "other"))
    assert set(after.variants) == {"default", "other", "quick"}
    after.learn(command(2, "promote", "default"))
    assert set(after.variants) == {"default", "other"}


def test_a_variant_whose_config_changed_is_compared_anew() -> None:
    same, changed = restored_under(CONFIGS), restored_under({**CONFIGS, "quick": VariantConfig(rate=0.9)})
    assert same.promotion.role("default") == "guard"
    assert same.promotion.difference("default") is not None
    assert changed.promotion.difference("default") is None


def test_without_challengers_nothing_is_compared() -> None:
    trainer = make_online_trainer({"default": VariantConfig()}, block=16)
    assert train_on(trainer, range(64)) == []
    assert [(each.variant, each.role, each.examples) for each in trainer.variant_statuses()] == [
        ("default", "champion", 64)
    ]


def test_no_user_counts_twice_in_a_block() -> None:
    people = [UserId("ann")] * 15 + [UserId("bob")]
    assert means_by_user(np.array([0.8] * 15 + [-0.2]), people) == [pytest.approx(0.8), -0.2]


class Listening(PromotionPolicy):
    """A policy that records the differences of its only challenger."""

    heard: list[float]

    def observe(self, gains, people):  # type: ignore[no-untyped-def]
        self.heard += means_by_user(gains["twin"] - gains["default"], people)
        return super().observe(gains, people)


def looked_at_as_usual(heard: list[float], effect: float) -> bool:
    """Whether the usual interval for one look, looked at after every 32, ever is above the effect."""
    for upto in range(32, len(heard) + 1, 32):
        values = np.array(heard[:upto])
        if values.mean() - 1.96 * values.std() / np.sqrt(upto) > effect:
            return True
    return False


@pytest.mark.slow
def test_of_a_hundred_pairs_that_differ_by_their_seed_alone_few_are_promoted() -> None:
    # Without a minimum effect: even a lucky seed is hardly ever promoted as a better config.
    rules = PromotionRules(level=0.05, minimum_effect=0.0, horizon=384, cool_down=0)
    promoted = naive = 0
    for run in range(100):
        trainer = make_online_trainer(
            {"default": VariantConfig(seed=2 * run), "twin": VariantConfig(seed=2 * run + 1)}, rules=rules, block=32
        )
        trainer.promotion = Listening(trainer.variants, "default", rules)
        trainer.promotion.heard = []
        decisions = train_on(trainer, range(1_000 * run, 1_000 * run + 384), column=run % len(COLUMNS))
        promoted += any(decision.decision == "promoted" for decision in decisions)
        naive += looked_at_as_usual(trainer.promotion.heard, rules.minimum_effect)
    assert promoted <= 5
    assert naive > 7
