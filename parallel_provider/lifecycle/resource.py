"""The form that every resource's lifecycle has, and the words its answers are made of."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Generic, TypeVar

import msgspec

from parallel_provider.lifecycle.errors import LifecycleError
from parallel_provider.lifecycle.run import Run

Props = Mapping[str, Any]
"""Inputs or outputs by name, JSON-like; in a preview, UNKNOWN stands where a value isn't known."""


class Unknown:
    """The type of UNKNOWN."""

    def __repr__(self) -> str:
        return "UNKNOWN"


UNKNOWN = Unknown()
"""A value that will be known once the resource it comes from exists."""


@dataclass(frozen=True)
class Problem:
    """Why one input can't be used."""

    input: str
    reason: str


@dataclass
class Checked:
    """Inputs with their defaults filled in, and everything that is wrong with them."""

    inputs: dict[str, Any]
    problems: list[Problem] = field(default_factory=list)


@dataclass(frozen=True)
class Diff:
    """Whether there is something to do, and which inputs ask for a new resource.

    `by_inputs` says that inputs differ from those of the last run, so that Pulumi finds the change
    by itself: only of what it has found can `replace_on_changes` speak.
    """

    changed: bool = False
    replaces: tuple[str, ...] = ()
    by_inputs: bool = False


class Model(msgspec.Struct, frozen=True):
    """Inputs or state as typed values; unknown names are ignored."""


class State(Model, frozen=True, kw_only=True):
    """What is kept of a resource between runs: its outputs, by their names."""

    @property
    def resource_id(self) -> str:
        """The id that the resource is known by."""
        raise NotImplementedError


InputsT = TypeVar("InputsT", bound=Model)
StateT = TypeVar("StateT", bound=State)


class Lifecycle(ABC, Generic[InputsT, StateT]):
    """What can happen to a resource of one kind. Stateless: all that lasts is in the state."""

    kind: ClassVar[str]
    name_input: ClassVar[str]
    """The input that a person recognises the resource by."""
    known_by: ClassVar[str]
    """The output that only what was created has; `.get` sends inputs alone."""
    replaced_by: ClassVar[tuple[str, ...]] = ()
    """The inputs whose change needs a new resource; each has an output of its name."""

    inputs_type: type[InputsT]
    state_type: type[StateT]

    @abstractmethod
    def check(self, run: Run, olds: Props, news: Props) -> Checked:
        """Fill in defaults and find all problems; `olds` are the inputs of the last run."""

    def diff(self, run: Run, state: StateT, news: Props) -> Diff:  # noqa: ARG002 - for others' use
        """Compare the state with checked inputs."""
        replaces = tuple(
            name for name in self.replaced_by if not same(getattr(state, name), news.get(name))
        )
        return Diff(changed=bool(replaces), replaces=replaces)

    @abstractmethod
    def create(self, run: Run, inputs: InputsT) -> StateT:
        """Make it. An error means that nothing was made, or says what may be left."""

    @abstractmethod
    def read(self, run: Run, state: StateT) -> StateT | None:
        """Return the state as it is at the server now; None if it is gone for certain."""

    def look_up(self, run: Run, resource_id: str) -> StateT:  # noqa: ARG002 - for others' use
        """Return the state of a resource that this program doesn't manage."""
        raise LifecycleError(
            f"{self.kind} {resource_id!r} can't be read by its id, as the Account API has no such "
            "read: create one in this program, or pass values on as stack outputs"
        )

    def update(self, run: Run, state: StateT, inputs: InputsT) -> StateT:
        """Change it in place."""
        raise NotImplementedError(f"{self.kind} is never updated in place")

    @abstractmethod
    def delete(self, run: Run, state: StateT) -> None:
        """End it. Succeeds when it is gone for certain."""


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
    if isinstance(value, list):
        return [_with_whole_numbers(item) for item in value]
    if isinstance(value, dict):
        return {key: _with_whole_numbers(item) for key, item in value.items()}
    return value
