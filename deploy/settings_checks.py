"""What is wrong with settings, in words: each function returns an explanation, empty where nothing is wrong."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ValidationError

if TYPE_CHECKING:
    from deploy.settings import Settings

PREFIX = "LIFELONG_"
CONFIG = "LIFELONG_CONFIG"
SIMILAR = 0.5
"""How alike a name must be to be proposed: a few letters wrong, swapped or missing."""


def section_of(model: type[BaseModel], name: str) -> type[BaseModel] | None:
    """The section of this name; none if it is a plain setting, or unknown."""
    field = model.model_fields.get(name)
    kind = field.annotation if field is not None else None
    return kind if isinstance(kind, type) and issubclass(kind, BaseModel) else None


def setting_names(model: type[BaseModel]) -> list[tuple[str, ...]]:
    """The path of every setting: its section, if it is in one, and its name."""
    paths: list[tuple[str, ...]] = []
    for name in model.model_fields:
        section = section_of(model, name)
        paths += [(name, key) for key in section.model_fields] if section else [(name,)]
    return paths


def variable_of(path: Iterable[str]) -> str:
    """The environment variable that names a setting.

    >>> variable_of(("kafka", "bootstrap"))
    'LIFELONG_KAFKA__BOOTSTRAP'
    """
    return PREFIX + "__".join(path).upper()


def nearest(name: str, known: Iterable[str]) -> str:
    """A question that names the known word most like this one, or else all of them.

    >>> nearest("bootstarp", ["bootstrap", "ssl_ca_location"])
    "did you mean 'bootstrap'?"
    >>> nearest("colour", ["url"])
    "known are ['url']"
    """
    names = sorted(known)
    found = get_close_matches(name, names, n=1, cutoff=SIMILAR)
    return f"did you mean {found[0]!r}?" if found else f"known are {names}"


def explained(exc: ValidationError, model: type[BaseModel]) -> str:
    """A line for each setting that is wrong: its name, its value, what is allowed; of an unknown one the nearest."""
    lines = []
    for error in exc.errors():
        path = [str(part) for part in error["loc"]]
        text = error["msg"]
        if error["type"] == "extra_forbidden":
            text = f"there is no such setting; {nearest('.'.join(path), _dotted(path, model))}"
        lines.append(f"setting {'.'.join(path)} = {error['input']!r}: {text}")
    return "\n".join(lines)


def _dotted(path: list[str], model: type[BaseModel]) -> list[str]:
    """What may stand in place of an unknown name: the settings of its section, or else sections and settings."""
    section = section_of(model, path[0])
    if len(path) == 2 and section is not None:
        return [f"{path[0]}.{key}" for key in section.model_fields]
    return [*model.model_fields, *(".".join(known) for known in setting_names(model))]


def unknown_variable(environment: Mapping[str, str], model: type[BaseModel]) -> str:
    """Pydantic passes over environment names that it does not know; a typing error there must not be silent."""
    known = {CONFIG} | {f"{PREFIX}{name.upper()}" for name in model.model_fields}
    known |= {variable_of(path) for path in setting_names(model)}
    for name, value in environment.items():
        if name.startswith(PREFIX) and name not in known:
            return f"setting {name} = {value!r}: there is no such setting; {nearest(name, known)}"
    return ""


def missing_config(environment: Mapping[str, str], is_file: bool) -> str:
    """A file that is named and is not there would leave every setting at its default, without a word."""
    named = environment.get(CONFIG)
    if named is None or is_file:
        return ""
    return (
        f"{CONFIG} = {named!r} is no file: correct it, or leave it out to read lifelong.toml of the working directory"
    )


def half_an_experiment(settings: Settings) -> str:
    """An experiment has a name and arms, and its arms lineages that learn."""
    experiment = settings.experiment
    if bool(experiment.name) != bool(experiment.arms):
        return (
            f"setting experiment.name = {experiment.name!r} with arms {sorted(experiment.arms)}: an experiment takes "
            "a name and at least one arm; leave both out to have none"
        )
    known = ["champion", "default", *settings.trainer.challengers]
    for name, arm in experiment.arms.items():
        if arm.variant not in known:
            return f"setting experiment.arms.{name}.variant = {arm.variant!r}: known are {known}"
    return ""


def shape_of(values: Mapping[str, Any], path: tuple[str, ...]) -> bool:
    """Whether nested tables hold this path.

    >>> shape_of({"kafka": {"bootstrap": "b:1"}}, ("kafka", "bootstrap")), shape_of({}, ("data_dir",))
    (True, False)
    """
    found: Any = values
    for part in path:
        if not isinstance(found, Mapping) or part not in found:
            return False
        found = found[part]
    return True
