"""Declare a resource's inputs and state: each field says everything about itself, once.

    class ApiKeyInputs(Inputs):
        app_id: Annotated[AppId, ReplaceOnChange()] = Field(description="The app of the key.")
        api_key_name: Annotated[VisibleText, ReplaceOnChange(), DefaultsToResourceName()] = …

From the declaration follow: the check (`check_inputs`), the inputs that changed and those whose
change replaces (`changed_inputs`, `replacing_inputs`), the secret outputs (`secret_outputs`), the
defaults, both spellings of a name (`app_id` and `appId`), and a JSON schema with descriptions.
"""

from __future__ import annotations

import functools
import json
import typing
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from pydantic import ConfigDict, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic.alias_generators import to_camel
from pydantic.fields import FieldInfo

from parallel_provider.lifecycle.unknown import Unknown
from parallel_provider.model import Model
from parallel_provider.printable import field_name

Props = Mapping[str, Any]
"""Inputs or outputs by name, JSON-like; in a preview, UNKNOWN stands where a value isn't known."""


@dataclass(frozen=True)
class ReplaceOnChange:
    """Marks an input whose change needs a new resource."""


@dataclass(frozen=True)
class OnChange:
    """Says what a change of an input does, for documents: the end of the sentence "A change …"."""

    effect: str


@dataclass(frozen=True)
class DefaultsToResourceName:
    """Marks an input that is the resource's own name where the program gives none."""


@dataclass(frozen=True)
class Internal:
    """Marks an output that only this provider uses. The program's classes don't have it."""


@dataclass(frozen=True)
class SecretOutput:
    """Marks an output that is a secret in Pulumi, and plain text here."""


@dataclass(frozen=True)
class CompareAs:
    """Says by what the values of an input are compared: two spellings may mean the same."""

    meaning: Callable[[Any], object]


@dataclass(frozen=True)
class Problem:
    """Why one input can't be used."""

    input: str
    reason: str

    @property
    def text(self) -> str:
        """The name of the input and then the reason."""
        return f"{field_name(self.input)} {self.reason}"


@dataclass
class Checked:
    """Inputs with their defaults filled in, and everything that is wrong with them."""

    inputs: dict[str, Any]
    problems: list[Problem] = field(default_factory=list)


class Declared(Model):
    """Base of inputs and states. Reads names in snake_case and in camelCase."""

    model_config = ConfigDict(
        alias_generator=to_camel, validate_by_name=True, validate_by_alias=True, loc_by_alias=False
    )


class Inputs(Declared):
    """The inputs of a resource or a function. In a preview, each value may be UNKNOWN."""

    @field_validator("*", mode="wrap")
    @classmethod
    def _let_unknown_through(cls, value: Any, check: Any, info: ValidationInfo) -> Any:  # noqa: ANN401
        checked = value if isinstance(value, Unknown) else check(value)
        if isinstance(info.context, dict) and info.field_name is not None:
            info.context[info.field_name] = checked
        return checked

    @classmethod
    def problems_between(cls, given: Props, valid: Props) -> Iterator[Problem]:  # noqa: ARG003 - for others' use
        """Yield the problems of inputs that are valid alone, but not together.

        `given` has all inputs that the program gives. `valid` has those of them that are valid
        alone, and the defaults of the others. Both may hold UNKNOWN.
        """
        yield from ()


class State(Declared):
    """The outputs of a resource, as Pulumi's state keeps them between runs."""

    @property
    def resource_id(self) -> str:
        """The id of the resource in Pulumi's state."""
        raise NotImplementedError

    def input_value(self, name: str) -> object:
        """Return the value of an input in the last run, by which a change is found."""
        return getattr(self, name)


InputsT = TypeVar("InputsT", bound=Inputs)
StateT = TypeVar("StateT", bound=State)


def check_inputs(kind: type[Inputs], news: Props) -> Checked:
    """Return the inputs in their final form, and every problem that they have.

    Names that `kind` doesn't declare are kept as they are. None means that an input isn't given.
    """
    given = {name: value for name, value in news.items() if value is not None}
    right: dict[str, Any] = {}
    problems = []
    try:
        kind.model_validate(given, context=right)
    except ValidationError as error:
        for found in error.errors(include_input=False, include_url=False):
            reason = "is required" if found["type"] == "missing" else found["msg"]
            problems.append(Problem(str(found["loc"][0]), reason))
    valid = {**_defaults_for(kind, given), **right}
    problems += kind.problems_between(given, valid)
    plain = {name: list(v) if isinstance(v, tuple) else v for name, v in valid.items()}
    return Checked({**news, **plain}, problems)


def changed_inputs(kind: type[Inputs], state: State, news: Props) -> set[str]:
    """Return the names of the inputs that differ from the state.

    An input whose name isn't among the state's fields isn't compared.
    """
    return {
        name
        for name, info in kind.model_fields.items()
        if name in type(state).model_fields
        and not _means_the_same(info, state.input_value(name), news.get(name))
    }


def replacing_inputs(kind: type[Inputs]) -> tuple[str, ...]:
    """Return the inputs whose change needs a new resource."""
    return _marked(kind, ReplaceOnChange)


def change_effects(kind: type[Inputs]) -> dict[str, str]:
    """Return what a change of each input does: the end of the sentence "A change …"."""
    effects = dict.fromkeys(replacing_inputs(kind), "replaces the resource")
    for name, info in kind.model_fields.items():
        for item in info.metadata:
            if isinstance(item, OnChange):
                effects[name] = item.effect
    return effects


def named_input(kind: type[Inputs]) -> str | None:
    """Return the name of the input that defaults to the resource's name, or None."""
    return next(iter(_marked(kind, DefaultsToResourceName)), None)


def secret_outputs(kind: type[State]) -> tuple[str, ...]:
    """Return the outputs that are secrets."""
    marked = _marked(kind, SecretOutput)
    return tuple(
        name
        for name, info in kind.model_fields.items()
        if name in marked or _mentions(info.annotation, SecretStr)
    )


def public_outputs(kind: type[State]) -> tuple[str, ...]:
    """Return the outputs that programs can use."""
    internal = _marked(kind, Internal)
    return tuple(name for name in kind.model_fields if name not in internal)


def same(one: object, other: object) -> bool:
    """Compare JSON-like values. True isn't 1, 2 is 2.0, and UNKNOWN equals nothing."""
    try:
        return canonical_json(one) == canonical_json(other)
    except TypeError:
        return False


def canonical_json(value: object) -> str:
    """Return a JSON-like value as text. Equal values have equal texts.

    2.0 and 2 are equal, as Pulumi sends all numbers as floats. Raises TypeError for values that
    JSON can't hold, such as UNKNOWN.
    """
    return json.dumps(_with_whole_numbers(value), sort_keys=True)


def _defaults_for(kind: type[Inputs], given: Props) -> dict[str, Any]:
    """Return the defaults of inputs that aren't given. None is no value of an input."""
    return {
        name: info.default
        for name, info in kind.model_fields.items()
        if name not in given and info.default is not None and not info.is_required()
    }


def _means_the_same(info: FieldInfo, old: object, new: object) -> bool:
    for marker in info.metadata:
        if isinstance(marker, CompareAs) and isinstance(new, str):
            return marker.meaning(old) == marker.meaning(new)
    return same(old, new)


def _with_whole_numbers(value: object) -> object:
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, list | tuple):
        return [_with_whole_numbers(item) for item in value]
    if isinstance(value, dict):
        return {key: _with_whole_numbers(item) for key, item in value.items()}
    return value


@functools.cache
def _marked(kind: type[Declared], marker: type) -> tuple[str, ...]:
    return tuple(
        name
        for name, info in kind.model_fields.items()
        if any(isinstance(item, marker) for item in info.metadata)
    )


def _mentions(annotation: object, wanted: type) -> bool:
    return annotation is wanted or any(
        _mentions(part, wanted) for part in typing.get_args(annotation)
    )
