"""Declare a resource's inputs and state: each field says everything about itself, once.

    class ApiKeyInputs(Inputs):
        app_id: Annotated[AppId, ReplaceOnChange()] = Field(description="The app of the key.")
        api_key_name: Annotated[VisibleText, ReplaceOnChange(), DefaultsToResourceName()] = …

From the declaration follow: the check (`check_inputs`), the inputs that changed and those whose
change replaces (`changed_inputs`, `replacing_inputs`), the secret outputs (`secret_outputs`), the
defaults, both spellings of a name (`app_id` and `appId`), and a JSON schema with descriptions.

A type of an input has the values that it accepts, and the reasons why it refuses others. A reason
comes after the name of the input, as in "app_id must be a UUID". It never has the value, which may
be a secret.
"""

from __future__ import annotations

import functools
import json
import re
import typing
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, NoReturn, TypeVar

from pydantic import (
    BeforeValidator,
    ConfigDict,
    SecretStr,
    ValidationError,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
)
from pydantic.alias_generators import to_camel
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from parallel_provider.api.models import UUID
from parallel_provider.model import Model
from parallel_provider.printable import field_name
from parallel_provider.sendable import MAX_INTEGER, mapped, misfit, whole

if TYPE_CHECKING:
    from parallel_provider.lifecycle.run import Context

# ----------------------------------------------------------------------
# The value that stands where a preview doesn't know one yet.


class Unknown:
    """The type of UNKNOWN."""

    def __repr__(self) -> str:
        return "UNKNOWN"


UNKNOWN = Unknown()
"""A value that will be known once the resource that it comes from exists."""


def is_known(value: object) -> bool:
    """Return whether a JSON-like value holds no UNKNOWN."""
    if isinstance(value, Mapping):
        return all(map(is_known, value.values()))
    if isinstance(value, list | tuple):
        return all(map(is_known, value))
    return not isinstance(value, Unknown)


# ----------------------------------------------------------------------
# Lengths of time as users write them: "90d", "1d12h", or ISO 8601 ("P30D", "PT12H").

_UNITS = {"w": 7 * 86_400, "d": 86_400, "h": 3_600, "m": 60, "s": 1}
_SIMPLE = re.compile(r"(?=\d)(?:(\d+)w)?(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?")
_ISO_8601 = re.compile(
    r"P(?=\d|T\d)(?:(\d+)W)?(?:(\d+)D)?(?:T(?=\d)(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?"
)
# A thousand years: longer ones are mistakes, and dates end at the year 9999.
_LONGEST = 1_000 * 365 * 86_400

EXPECTED = 'a duration such as "90d", "12h", "30m", "45s", "1d12h", or ISO 8601 ("P30D")'


class Duration(str):
    """A length of time as the user has written it, such as "90d", and how many `seconds` it is.

    Whole numbers only, no months or years, less than a thousand years. It is text wherever it
    leaves this package, so that outputs have what the user has written.
    """

    __slots__ = ("seconds",)
    seconds: int

    def __new__(cls, text: str) -> Duration:
        """Parse a text; one that was parsed stays as it is. Raises ValueError."""
        if isinstance(text, Duration):
            return text
        match = _SIMPLE.fullmatch(text) or _ISO_8601.fullmatch(text)
        if match is None or not text.isascii():
            raise ValueError(f"must be {EXPECTED}")
        counts = (int(count or 0) for count in match.groups())
        duration = super().__new__(cls, text)
        duration.seconds = sum(
            count * unit for count, unit in zip(counts, _UNITS.values(), strict=True)
        )
        if duration.seconds > _LONGEST:
            raise ValueError("must be less than a thousand years")
        return duration

    @classmethod
    def __get_pydantic_core_schema__(cls, _source: object, _handler: object) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(
            _duration,
            json_schema_input_schema=core_schema.str_schema(),
            serialization=core_schema.to_string_ser_schema(),
        )


def format_duration(seconds: float) -> str:
    """Write a length of time for a person, to the two largest units: "91d 4h"."""
    rest = max(0, int(seconds))
    parts = []
    for name, unit in _UNITS.items():
        if name == "w":
            continue
        count, rest = divmod(rest, unit)
        if count:
            parts.append(f"{count}{name}")
    return " ".join(parts[:2]) or "0s"


# ----------------------------------------------------------------------
# Inputs and states, and what follows from them.

Props = Mapping[str, Any]
"""Inputs or outputs by name, JSON-like; in a preview, UNKNOWN stands where a value isn't known."""


@dataclass(frozen=True)
class OnChange:
    """Says what a change of an input does, for documents: the end of the sentence "A change …"."""

    effect: str


@dataclass(frozen=True)
class ReplaceOnChange(OnChange):
    """Marks an input whose change needs a new resource."""

    effect: str = "replaces the resource"


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
    def problems_between(cls, given: Props, valid: Props) -> Iterator[Problem]:  # noqa: ARG003 - a default
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

    def hold(self, context: Context) -> None:
        """Claim what the resource has. Raises HeldElsewhereError if another one has it."""

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
        for name in kind.model_fields
        if name in type(state).model_fields
        and not _means_the_same(state.input_value(name), news.get(name))
    }


def replacing_inputs(kind: type[Inputs]) -> tuple[str, ...]:
    """Return the inputs whose change needs a new resource."""
    return _marked(kind, ReplaceOnChange)


def change_effects(kind: type[Inputs]) -> dict[str, str]:
    """Return what a change of each input does: the end of the sentence "A change …"."""
    return {
        name: item.effect
        for name, info in kind.model_fields.items()
        for item in info.metadata
        if isinstance(item, OnChange)
    }


def input_defaulting_to_resource_name(kind: type[Inputs]) -> str | None:
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
    if not is_known(one) or not is_known(other):
        return False
    return canonical_json(one) == canonical_json(other)


def canonical_json(value: object) -> str:
    """Return a JSON-like value as text. Equal values have equal texts.

    2.0 and 2 are equal, as states may have either. Raises TypeError for values that JSON can't
    hold, such as UNKNOWN.
    """
    return json.dumps(mapped(value, whole), sort_keys=True)


def _defaults_for(kind: type[Inputs], given: Props) -> dict[str, Any]:
    """Return the defaults of inputs that aren't given. None is no value of an input."""
    return {
        name: info.default
        for name, info in kind.model_fields.items()
        if name not in given and info.default is not None and not info.is_required()
    }


def _means_the_same(old: object, new: object) -> bool:
    if isinstance(old, Duration) and isinstance(new, str):
        return old.seconds == Duration(new).seconds
    return same(old, new)


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


# ----------------------------------------------------------------------
# The types of inputs.

# Control characters, surrogates, and the separators of lines and paragraphs.
_REFUSED_CATEGORIES = ("Cc", "Cs", "Zl", "Zp")


def _refuse(reason: str) -> NoReturn:
    # The text is a parameter of the template, since braces in it would be read as fields.
    raise PydanticCustomError("refused", "{reason}", {"reason": reason})


def _sendable(value: Any) -> Any:  # noqa: ANN401 - as it is
    reason = misfit(value, (Unknown,))
    if reason is not None:
        _refuse(f"must not hold {reason}")
    return value


def _visible_text(value: object) -> str:
    if not isinstance(value, str):
        _refuse(f"must be text, not {_kind_of(value)}")
    if all(c.isspace() or unicodedata.category(c) == "Cf" for c in value):
        _refuse("must not be empty or blank")
    if any(unicodedata.category(character) in _REFUSED_CATEGORIES for character in value):
        _refuse("must not contain control characters, such as line breaks")
    return str(_sendable(value))


def _app_id(value: object) -> str:
    if not isinstance(value, str) or not UUID.fullmatch(value):
        _refuse(f"must be a UUID, such as the {field_name('app_id')} of a parallel App")
    # The answers' ids are in lower case too, and ids are compared as text.
    return str(_sendable(value.lower()))


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        _refuse(f"must be true or false, not {_kind_of(value)}")
    return value


def _duration(value: object) -> Duration:
    if not isinstance(value, str):
        _refuse(f"must be {EXPECTED}, not {_kind_of(value)}")
    try:
        return Duration(value)
    except ValueError as error:
        _refuse(str(error))


def _arguments(value: object) -> Sequence[object]:
    if not isinstance(value, list | tuple) or not value:
        _refuse('must be a list of arguments, such as ["gh", "secret", "set", "NAME"]')
    if not all(isinstance(item, str | Unknown) for item in value):
        _refuse("must be made of text only")
    if not value[0] or any(isinstance(item, str) and "\0" in item for item in value):
        _refuse("must begin with a command, and hold no zero bytes")
    return tuple(_sendable(value))


def _cents(least: int, most: int) -> BeforeValidator:
    """Return the check of a whole number of cents in a range."""

    def check(value: object) -> int:
        number = whole(value)
        if isinstance(number, bool) or not isinstance(number, int | float):
            _refuse(f"must be a whole number of cents, not {_kind_of(value)}")
        if not isinstance(number, int):
            _refuse("must be a whole number of cents")
        if number < least or number > most:
            limits = f"at least {least}" if number < least else f"at most {most}"
            expected = limits if most == MAX_INTEGER else f"from {least} to {most}"
            _refuse(f"must be {expected} (cents): got {number}")
        return number

    return BeforeValidator(check)


VisibleText = Annotated[str, BeforeValidator(_visible_text)]
"""A name that a person can see: not blank, no control characters."""

AppId = Annotated[str, BeforeValidator(_app_id)]
"""A UUID, in lower case."""

Flag = Annotated[bool, BeforeValidator(_flag)]
"""True or False."""

Arguments = Annotated[
    Any,
    BeforeValidator(_arguments),
    WithJsonSchema({"type": "array", "items": {"type": "string"}}),
]
"""A command as a list of its arguments; in a preview, one of them may be unknown."""

JsonLike = Annotated[Any, BeforeValidator(_sendable)]
"""Any value that JSON can hold; in a preview, parts of it may be unknown."""

ChargeCents = Annotated[int, _cents(1, 10_000)]
"""What one charge may be, in US cents."""

PositiveCents = Annotated[int, _cents(1, MAX_INTEGER)]
"""An amount in US cents."""


def _kind_of(value: object) -> str:
    kinds: tuple[tuple[type | tuple[type, ...], str], ...] = (
        (bool, "true or false"),
        ((int, float), "a number"),
        (str, "text"),
        (dict, "an object"),
        (list, "a list"),
    )
    return next((words for kind, words in kinds if isinstance(value, kind)), "something else")
