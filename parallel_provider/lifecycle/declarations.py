"""Declare a resource's inputs and state: each field says everything about itself, once.

    class ApiKeyInputs(Inputs):
        app_id: Annotated[AppId, ReplaceOnChange()] = Field(description="The app of the key.")
        api_key_name: Annotated[VisibleText, ReplaceOnChange(), DefaultsToResourceName()] = …

From the declaration follow: the check (`check_inputs`), the inputs that changed and those whose
change replaces (`changed_inputs`, `replacing_inputs`), the secret outputs (`secret_outputs`), the
defaults, and both spellings of a name (`app_id` and `appId`).
"""

from __future__ import annotations

import json
import typing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from pydantic import ConfigDict, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic.alias_generators import to_camel

from parallel_provider.lifecycle.unknown import Unknown
from parallel_provider.model import Model

Props = Mapping[str, Any]
"""Inputs or outputs by name, JSON-like; in a preview, UNKNOWN stands where a value isn't known."""


@dataclass(frozen=True)
class ReplaceOnChange:
    """Marks an input whose change needs a new resource."""


@dataclass(frozen=True)
class DefaultsToResourceName:
    """Marks an input that is the resource's own name where the program gives none."""


@dataclass(frozen=True)
class Problem:
    """Why one input can't be used; the reason fits behind the input's name."""

    input: str
    reason: str


@dataclass
class Checked:
    """Inputs with their defaults filled in, and everything that is wrong with them."""

    inputs: dict[str, Any]
    problems: list[Problem] = field(default_factory=list)


class Declared(Model):
    """Inputs or state. Both spellings of a name are read; snake_case counts inside."""

    model_config = ConfigDict(
        alias_generator=to_camel, validate_by_name=True, validate_by_alias=True, loc_by_alias=False
    )


class Inputs(Declared):
    """What a program says of a resource. In a preview, each value may be unknown."""

    @field_validator("*", mode="wrap")
    @classmethod
    def _let_unknown_through(cls, value: Any, check: Any, info: ValidationInfo) -> Any:  # noqa: ANN401
        checked = value if isinstance(value, Unknown) else check(value)
        if isinstance(info.context, dict) and info.field_name is not None:
            info.context[info.field_name] = checked
        return checked

    @classmethod
    def problems_between(cls, known: Props) -> Iterator[Problem]:  # noqa: ARG003 - for others' use
        """Find what is wrong between inputs that are right by themselves.

        `known` has the inputs that were given and are right, unknown ones included.
        """
        yield from ()


class State(Declared):
    """What is kept of a resource between runs: its outputs, by their names."""

    @property
    def resource_id(self) -> str:
        """The id that the resource is known by."""
        raise NotImplementedError


InputsT = TypeVar("InputsT", bound=Inputs)
StateT = TypeVar("StateT", bound=State)


def check_inputs(kind: type[Inputs], news: Props) -> Checked:
    """Find every problem of the inputs; return them as the lifecycle wants them.

    Names that `kind` doesn't declare are kept as they are. An input that is None wasn't given.
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
    problems += kind.problems_between(right)
    plain = {name: list(v) if isinstance(v, tuple) else v for name, v in right.items()}
    return Checked({**news, **plain}, problems)


def changed_inputs(kind: type[Inputs], state: State, news: Props) -> set[str]:
    """Return the inputs that differ from the state, among those that the state has."""
    return {
        name
        for name in kind.model_fields
        if name in type(state).model_fields and not same(getattr(state, name), news.get(name))
    }


def replacing_inputs(kind: type[Inputs]) -> tuple[str, ...]:
    """Return the inputs whose change needs a new resource."""
    return _marked(kind, ReplaceOnChange)


def named_input(kind: type[Inputs]) -> str | None:
    """Return the input that defaults to the resource's name, if there is one."""
    return next(iter(_marked(kind, DefaultsToResourceName)), None)


def secret_outputs(kind: type[State]) -> tuple[str, ...]:
    """Return the outputs that are secrets."""
    return tuple(
        name for name, info in kind.model_fields.items() if _mentions(info.annotation, SecretStr)
    )


def same(one: object, other: object) -> bool:
    """Compare JSON-like values as JSON does: True isn't 1, 2 is 2.0, an unknown equals nothing."""
    try:
        return canonical_json(one) == canonical_json(other)
    except TypeError:
        return False


def canonical_json(value: object) -> str:
    """Write a JSON-like value so that equal values are equal text.

    Over the wire all numbers are floats; 2.0 and 2 are one number. Raises TypeError for anything
    that JSON can't hold, UNKNOWN among it.
    """
    return json.dumps(_with_whole_numbers(value), sort_keys=True)


def _with_whole_numbers(value: object) -> object:
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, list | tuple):
        return [_with_whole_numbers(item) for item in value]
    if isinstance(value, dict):
        return {key: _with_whole_numbers(item) for key, item in value.items()}
    return value


def _marked(kind: type[Inputs], marker: type) -> tuple[str, ...]:
    return tuple(
        name
        for name, info in kind.model_fields.items()
        if any(isinstance(item, marker) for item in info.metadata)
    )


def _mentions(annotation: object, wanted: type) -> bool:
    return annotation is wanted or any(
        _mentions(part, wanted) for part in typing.get_args(annotation)
    )
