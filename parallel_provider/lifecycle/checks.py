"""Look at a resource's inputs and collect everything that is wrong with them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from parallel_provider.lifecycle.durations import EXPECTED, parse_duration
from parallel_provider.lifecycle.resource import Checked, Problem, Props, Unknown

# Pulumi sends all numbers as doubles: beyond this, two different integers arrive as one.
MAX_WHOLE_NUMBER = 2**53 - 1

_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")

# Control characters, surrogates, and the separators of lines and paragraphs.
_REFUSED = ("Cc", "Cs", "Zl", "Zp")


class InputCheck:
    """The check of one resource's inputs, input by input; every problem is kept, not the first.

    Unknown values have no problems: they are looked at again once they are known.
    """

    def __init__(self, news: Props) -> None:
        self.inputs = dict(news)
        self.problems: list[Problem] = []

    def result(self) -> Checked:
        """Return what was found."""
        return Checked(self.inputs, self.problems)

    def refuse(self, name: str, reason: str) -> None:
        """Note a problem."""
        self.problems.append(Problem(name, reason))

    def default_from(self, name: str, default_name: str, olds: Props) -> None:
        """Fill in a name that the user left out, the way that survives a rename by alias.

        The program sends the resource's own name as `default_name` then. While the resource lives
        on, the name it was given at first stays, as a new one would replace it. That the name is a
        default is kept as an empty text: Pulumi doesn't show those.
        """
        if self.inputs.get(name) is not None or default_name not in self.inputs:
            return
        was_default = olds.get(default_name) is not None and isinstance(olds.get(name), str)
        self.inputs[name] = olds[name] if was_default else self.inputs[default_name]
        self.inputs[default_name] = ""

    def text(self, name: str) -> None:
        """Require a name that a person can see: not blank, no control characters."""
        value = self.inputs.get(name)
        if isinstance(value, Unknown):
            return
        if value is None:
            self.refuse(name, "is required")
        elif not isinstance(value, str):
            self.refuse(name, f"must be text, not {_kind_of(value)}")
        elif all(c.isspace() or unicodedata.category(c) == "Cf" for c in value):
            self.refuse(name, "must not be empty or blank")
        elif any(unicodedata.category(character) in _REFUSED for character in value):
            self.refuse(name, "must not contain control characters, such as line breaks")

    def uuid(self, name: str, *, required: bool = True) -> None:
        """Require a UUID, and write it as the server does: in lower case, as ids are compared."""
        value = self.inputs.get(name)
        if isinstance(value, Unknown) or (value is None and not required):
            return
        if value is None:
            self.refuse(name, "is required")
        elif not isinstance(value, str) or not _UUID.fullmatch(value):
            self.refuse(name, "must be a UUID, such as the app_id of a parallel App")
        else:
            self.inputs[name] = value.lower()

    def flag(self, name: str) -> None:
        """Require True or False where the input is given."""
        value = self.inputs.get(name)
        if value is not None and not isinstance(value, bool | Unknown):
            self.refuse(name, f"must be True or False, not {_kind_of(value)}")

    def cents(
        self, name: str, *, least: int, most: int | None = None, required: bool = True
    ) -> int | None:
        """Require a whole number of cents in a range; return it where it is known and right."""
        value = self.inputs.get(name)
        if isinstance(value, Unknown) or (value is None and not required):
            return None
        if value is None:
            self.refuse(name, "is required")
        elif isinstance(value, bool) or not isinstance(value, int | float):
            self.refuse(name, f"must be a whole number of cents, not {_kind_of(value)}")
        elif value != value or value in (float("inf"), float("-inf")) or value != int(value):  # noqa: PLR0124 - NaN
            self.refuse(name, "must be a whole number of cents")
        elif value < least or value > (MAX_WHOLE_NUMBER if most is None else most):
            wanted = f"from {least} to {most}" if most is not None else f"at least {least}"
            if most is None and value > least:
                wanted = f"at most {MAX_WHOLE_NUMBER}"
            self.refuse(name, f"must be {wanted} (cents): got {int(value)}")
        else:
            return int(value)
        return None

    def duration(self, name: str) -> int | None:
        """Require a duration; return its seconds where it is known and right."""
        value = self.inputs.get(name)
        if isinstance(value, Unknown):
            return None
        if value is None:
            self.refuse(name, "is required")
        elif not isinstance(value, str):
            self.refuse(name, f"must be {EXPECTED}, not {_kind_of(value)}")
        else:
            try:
                return parse_duration(value)
            except ValueError as error:
                self.refuse(name, str(error))
        return None

    def arguments(self, name: str) -> None:
        """Require a command as a list of its arguments, where the input is given."""
        value = self.inputs.get(name)
        if value is None or isinstance(value, Unknown):
            return
        if not isinstance(value, list) or not value:
            self.refuse(
                name, 'must be a list of arguments, such as ["gh", "secret", "set", "NAME"]'
            )
        elif not all(isinstance(item, str | Unknown) for item in value):
            self.refuse(name, "must be made of text only")
        elif not value[0] or any(isinstance(item, str) and "\0" in item for item in value):
            self.refuse(name, "must begin with a command, and hold no zero bytes")

    def json_like(self, name: str) -> None:
        """Require a value that JSON can hold, and numbers that arrive as they were sent."""
        value = self.inputs.get(name)
        if not _is_json_like(value):
            self.refuse(name, "must be made of text, numbers, booleans, lists and dicts")
        elif not all(map(_is_exact, _numbers_in(value))):
            self.refuse(
                name,
                f"must not hold a number beyond {MAX_WHOLE_NUMBER}, nor one that isn't finite, as "
                "Pulumi can't tell it from its neighbours: write it as text",
            )


def _is_json_like(value: object) -> bool:
    if isinstance(value, dict):
        return all(isinstance(k, str) and _is_json_like(v) for k, v in value.items())
    if isinstance(value, list):
        return all(map(_is_json_like, value))
    return value is None or isinstance(value, Unknown | str | bool | int | float)


def _numbers_in(value: object) -> Iterator[float]:
    if isinstance(value, dict):
        yield from _numbers_in(list(value.values()))
    elif isinstance(value, list):
        for item in value:
            yield from _numbers_in(item)
    elif isinstance(value, int | float):
        yield value


def _is_exact(number: float) -> bool:
    return -MAX_WHOLE_NUMBER <= number <= MAX_WHOLE_NUMBER


def _kind_of(value: object) -> str:
    kinds: tuple[tuple[type | tuple[type, ...], str], ...] = (
        (bool, "True or False"),
        ((int, float), "a number"),
        (str, "text"),
        (dict, "a dict"),
        (list, "a list"),
    )
    return next((words for kind, words in kinds if isinstance(value, kind)), "something else")
