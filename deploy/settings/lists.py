"""Settings of lists: how they are ranked, explored and expired, by which features, and in which experiment."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from deploy.settings.section import SettingsSection
from schemas.bounds import SLATE_LENGTH


class RankingSettings(SettingsSection):
    """How lists are ranked, explored and expired.

    ``exploration`` is the share of lists drawn from the ``exploration_top`` best candidates, with logged propensities;
    a plan's own rate overrides it, but 0 draws none, whatever plans say. At ``exploration_temperature`` 1 the
    ranker's softmax is drawn from; lower is greedier.

    With ``outside_knowledge`` lists are also ranked by what the topic `signals` says of items, places and times. With
    ``content_map`` items that hardly anybody has met are ranked by factors predicted from their texts and pictures.

    With ``expires`` "learn" a user's list is valid for as long as such lists have done better than non-personalised
    ones, at most ``expires_at_most_seconds``; until that is known, and with "fixed", for ``expires_seconds``.
    """

    slate_size: int = Field(default=10, ge=1, le=SLATE_LENGTH)
    candidates: int = Field(default=150, ge=10, le=2_000)
    repeats: Literal["allow", "forbid", "learn"] = "learn"
    expires: Literal["learn", "fixed"] = "learn"
    expires_seconds: float = Field(default=3_600.0, gt=0)
    expires_at_most_seconds: float = Field(default=7 * 86_400.0, gt=0)
    default_every_seconds: float = Field(default=1.0, gt=0)
    outside_knowledge: bool = False
    content_map: bool = False
    exploration: float = Field(default=0.0, ge=0, le=1)
    exploration_temperature: float = Field(default=1.0, ge=0.01, le=100)
    exploration_top: int = Field(default=30, ge=2, le=200)


class FeatureSettings(SettingsSection):
    """Features of other teams, joined into ranking: ``view:field`` as Feast names them."""

    external: tuple[str, ...] = ()
    external_ttl_seconds: float = Field(default=60.0, gt=0)


def _arm_name(name: str) -> str:
    """Return the name of an arm; refuse `control`, which is reserved for users in no other arm.

    >>> _arm_name("bold")
    'bold'
    """
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,31}", name) or name == "control":
        raise ValueError("a name has lower-case letters, digits and hyphens, and is not 'control', the arm of the rest")
    return name


def _share(share: float) -> float:
    """Return a share of users; refuse one smaller than the ten thousandth part that users are divided into."""
    if 0.0 < share < 0.0001:
        raise ValueError("users are divided into ten thousand parts: a share is 0, or 0.0001 or more")
    return share


def _shares(arms: dict[str, ArmSettings]) -> dict[str, ArmSettings]:
    """Return the arms; refuse shares that sum to more than 1."""
    total = sum(arm.share for arm in arms.values())
    if total > 1.0 + 1e-9:
        raise ValueError(f"the shares of the arms sum to {total:g}, and may sum to 1 at most")
    return arms


class ArmSettings(SettingsSection):
    """An arm with ``share`` of the users. ``variant`` ranks for them: ``champion`` is the current champion, ``default``
    the variant that served first, or it is one of ``trainer.challengers``. ``exploration`` overrides that of
    ``ranking``. An arm with a share of 0 is a shadow: it has no users, and only records what it would have ranked.
    """

    share: Annotated[float, AfterValidator(_share)] = Field(default=0.0, ge=0, le=1)
    variant: str = "champion"
    exploration: float | None = Field(default=None, ge=0, le=1)


class ExperimentSettings(SettingsSection):
    """Arms that are compared with each other. The ``name`` and the user's id decide the arm: another name assigns users
    anew. Users in no arm are in ``control``, and get the lists that everybody gets without an experiment.
    """

    name: str = Field(default="", pattern=r"^([a-z0-9][a-z0-9-]{0,63})?$")
    arms: Annotated[
        dict[Annotated[str, AfterValidator(_arm_name)], ArmSettings], Field(max_length=16), AfterValidator(_shares)
    ] = {}
