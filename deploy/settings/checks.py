"""Checks of settings: each returns an explanation of what is wrong, empty where nothing is."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ValidationError

if TYPE_CHECKING:
    from deploy.settings.model import Settings

PREFIX = "LIFELONG_"
CONFIG = "LIFELONG_CONFIG"
RENAMED = {
    ("gate",): "promotion",
    ("worker", "exam_rate"): "worker.prequential_rate",
    ("worker", "exams_per_batch"): "worker.prequential_per_batch",
    ("experiment", "arms", "*", "lineage"): "experiment.arms.<arm>.variant",
}
"""Settings of earlier releases, and what they are named now; `*` stands for any name."""
MASK = "********"
"""What is shown instead of a secret."""
SIMILAR = 0.5
"""How similar a name must be to be proposed: a few letters wrong, swapped or missing."""


def section_of(model: type[BaseModel], name: str) -> type[BaseModel] | None:
    """Return the section of this name; none if it is a plain setting, or unknown."""
    field = model.model_fields.get(name)
    kind = field.annotation if field is not None else None
    return kind if isinstance(kind, type) and issubclass(kind, BaseModel) else None


def setting_names(model: type[BaseModel]) -> list[tuple[str, ...]]:
    """Return the path of every setting: its section, if it has one, and its name."""
    paths: list[tuple[str, ...]] = []
    for name in model.model_fields:
        section = section_of(model, name)
        paths += [(name, key) for key in section.model_fields] if section else [(name,)]
    return paths


def variable_of(path: Iterable[str]) -> str:
    """Return the environment variable of a setting.

    >>> variable_of(("kafka", "bootstrap"))
    'LIFELONG_KAFKA__BOOTSTRAP'
    """
    return PREFIX + "__".join(path).upper()


def nearest(name: str, candidates: Iterable[str]) -> str:
    """Return a question with the known name most similar to this one, or else a list of all.

    >>> nearest("bootstarp", ["bootstrap", "ssl_ca_location"])
    "did you mean 'bootstrap'?"
    >>> nearest("colour", ["url"])
    "known are ['url']"
    """
    names = sorted(candidates)
    matches = get_close_matches(name, names, n=1, cutoff=SIMILAR)
    return f"did you mean {matches[0]!r}?" if matches else f"known are {names}"


def explained(exc: ValidationError, model: type[BaseModel]) -> str:
    """Return a line for each invalid setting: its name, value and what is allowed, or the nearest known name.

    The value of a secret is not shown, nor that of an unknown setting, which may be a secret with its name misspelt.
    """
    lines = []
    for error in exc.errors():
        path, text, shown = [str(part) for part in error["loc"]], error["msg"], ""
        if error["type"] == "extra_forbidden":
            text = f"there is no such setting; {_renamed(path) or nearest('.'.join(path), _dotted(path, model))}"
        elif _is_public(path, model):
            shown = f" = {without_login(repr(error['input']))}"
        lines.append(f"setting {'.'.join(path)}{shown}: {text}")
    return "\n".join(lines)


def without_login(text: str) -> str:
    """Return a text in which the logins of addresses are masked.

    >>> without_login("http://root:hush@milvus:19530/db")
    'http://********@milvus:19530/db'
    """
    return re.sub(r"(?<=//)[^/\s]*@", f"{MASK}@", text)


def _is_public(path: Sequence[str], model: type[BaseModel]) -> bool:
    """Return whether a setting may be shown: not a whole section, nor what holds a secret.

    >>> from deploy.settings import Settings
    >>> [_is_public(path, Settings) for path in (["kafka"], ["kafka", "bootstrap"], ["gateway", "api_keys", "0"])]
    [False, True, False]
    """
    section = section_of(model, path[0])
    fields = section.model_fields if section else model.model_fields
    field = fields.get(path[0] if section is None else "".join(path[1:2]))
    return field is not None and "SecretStr" not in repr(field.annotation)


def _renamed(path: Sequence[str]) -> str:
    """Return what the setting of an earlier release is named now; empty if there was none of this name.

    >>> _renamed(["gate", "level"]), _renamed(["gates"])
    ("it is named 'promotion' now", '')
    """
    for old, new in RENAMED.items():
        if len(path) >= len(old) and all(word in ("*", part) for word, part in zip(old, path, strict=False)):
            return f"it is named {new!r} now"
    return ""


def _dotted(path: list[str], model: type[BaseModel]) -> list[str]:
    """Return the names near an unknown one: the settings of its section, or else all sections and settings."""
    section = section_of(model, path[0])
    if len(path) == 2 and section is not None:
        return [f"{path[0]}.{key}" for key in section.model_fields]
    return [*model.model_fields, *(".".join(names) for names in setting_names(model))]


def unknown_variable(environment: Mapping[str, str], model: type[BaseModel]) -> str:
    """Explain an unknown environment variable: Pydantic ignores those, and a misspelt one must not be silent."""
    candidates = {CONFIG} | {f"{PREFIX}{name.upper()}" for name in model.model_fields}
    candidates |= {variable_of(path) for path in setting_names(model)}
    for name in environment:
        if name.startswith(PREFIX) and name not in candidates:
            path = name.removeprefix(PREFIX).lower().split("__")
            return f"setting {name}: there is no such setting; {_renamed(path) or nearest(name, candidates)}"
    return ""


def missing_config(environment: Mapping[str, str], is_file: bool) -> str:
    """Explain a named settings file that is missing: it would silently leave every setting at its default."""
    named = environment.get(CONFIG)
    if named is None or is_file:
        return ""
    return f"{CONFIG} = {named!r} is not a file: correct it, or unset it to read lifelong.toml of the working directory"


def incomplete_experiment(settings: Settings) -> str:
    """Explain an experiment without a name or arms, or an arm with an unknown variant."""
    experiment = settings.experiment
    if bool(experiment.name) != bool(experiment.arms):
        return (
            f"setting experiment.name = {experiment.name!r} with arms {sorted(experiment.arms)}: an experiment takes "
            "a name and at least one arm; leave both out for none"
        )
    candidates = ["champion", "default", *settings.trainer.challengers]
    for name, arm in experiment.arms.items():
        if arm.variant not in candidates:
            return f"setting experiment.arms.{name}.variant = {arm.variant!r}: known are {candidates}"
    return ""


def has_path(values: Mapping[str, Any], path: tuple[str, ...]) -> bool:
    """Return whether nested tables hold this path.

    >>> has_path({"kafka": {"bootstrap": "b:1"}}, ("kafka", "bootstrap")), has_path({}, ("data_dir",))
    (True, False)
    """
    node: Any = values
    for part in path:
        if not isinstance(node, Mapping) or part not in node:
            return False
        node = node[part]
    return True
