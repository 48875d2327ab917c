"""Base class of all resource lifecycles, and the types that its methods return."""

# ruff: noqa: ARG002 - a method that does nothing by default has the arguments of those that do

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Generic

from pydantic import SecretStr

from parallel_provider.errors import LifecycleError
from parallel_provider.lifecycle.declare import (
    UNKNOWN,
    Checked,
    InputsT,
    Props,
    State,
    StateT,
    changed_inputs,
    check_inputs,
    replacing_inputs,
)
from parallel_provider.lifecycle.run import Context

REVOKE_BY_HAND = "revoke it in the Parallel console"

RawKeyOf = Callable[[str], SecretStr | None]
"""Returns the raw key of the API key with this id; None if the user gives none."""


@dataclass(frozen=True)
class Diff:
    """The inputs because of which a resource has to change.

    `updates` has inputs that differ from those of the last run, and those that ask for an update
    without a difference, such as `rotate_after` once the key is that old. `replaces` has those
    that replace the resource. `by_inputs` says that inputs differ. Pulumi then finds the change
    itself, which it must do for the option `replace_on_changes` to work.
    """

    updates: tuple[str, ...] = ()
    replaces: tuple[str, ...] = ()
    by_inputs: bool = False

    @property
    def changed(self) -> bool:
        """Whether the resource has to be updated or replaced."""
        return bool(self.updates or self.replaces)


class UnfinishedError(Exception):
    """A last step failed, and something exists at the server that the earlier state hasn't got.

    `state` has it, for a provider that can keep it, which says why with `reason`. One that can't
    tells the user what to do by hand. It isn't an error for users: it may hold a raw key.
    """

    def __init__(self, reason: str, state: State) -> None:
        super().__init__("a last step failed")
        self.reason = reason
        self.state = state


class Lifecycle(ABC, Generic[InputsT, StateT]):
    """The operations of one kind of resource. Has no state of its own."""

    kind: ClassVar[str]
    """The name of the resource, such as "ApiKey"."""

    inputs_type: type[InputsT]
    state_type: type[StateT]

    def check(self, context: Context, olds: Props, news: Props) -> Checked:
        """Fill in defaults and find every problem. `olds` are the inputs of the last run."""
        context.run.claims.has_program = True
        return check_inputs(self.inputs_type, news)

    def diff(self, context: Context, state: StateT, news: Props) -> Diff:
        """Compare the state with checked inputs. What a resource that stays has, it holds."""
        changed = changed_inputs(self.inputs_type, state, news)
        replaces = tuple(name for name in replacing_inputs(self.inputs_type) if name in changed)
        # Before the program's first check, this is a part of a refresh.
        if not replaces and context.run.claims.has_program:
            state.hold(context)
        return Diff(tuple(sorted(changed)), replaces)

    @abstractmethod
    def create(self, context: Context, inputs: InputsT) -> StateT:
        """Create it. If this raises, nothing was created, or the error says what may exist.

        Raises UnfinishedError if it exists, and isn't as it should be. The next run updates it.
        """

    def expect_create(self, context: Context, inputs: Props) -> dict[str, Any]:
        """Return the outputs after a create: UNKNOWN if only the server can decide them.

        For previews. `inputs` are checked inputs, which may hold UNKNOWN. Changes nothing.
        """
        return self._with_inputs(dict.fromkeys(self.state_type.model_fields, UNKNOWN), inputs)

    def expect_update(self, context: Context, state: StateT, inputs: Props) -> dict[str, Any]:
        """Return the outputs after an update, in the same way."""
        return self._with_inputs(dict(state), inputs)

    def _with_inputs(self, outputs: Props, inputs: Props) -> dict[str, Any]:
        """Return outputs with the values of the inputs that have the same names."""
        declared = self.inputs_type.model_fields
        return {n: inputs.get(n) if n in declared else value for n, value in outputs.items()}

    @abstractmethod
    def read(self, context: Context, state: StateT) -> StateT | None:
        """Return its present state; None if it certainly doesn't exist any more."""

    def look_up(self, context: Context, resource_id: str) -> StateT:
        """Return the state of a resource that this program doesn't manage."""
        raise LifecycleError(
            f"{self.kind} {resource_id!r} can't be read by its id, as the Account API has no such "
            "read: create one in this program, or pass values on as stack outputs"
        )

    def import_state(self, context: Context, resource_id: str, raw_key_of: RawKeyOf) -> StateT:
        """Return the state of a resource that something else has created, by the id of an import.

        Raises LifecycleError if it doesn't exist, or has no such id.
        """
        raise LifecycleError(
            f"{self.kind} can't be imported, as the Account API has nothing with such an id: "
            "declare it as a new resource, without an import"
        )

    def with_first_inputs(self, state: StateT, inputs: Props) -> StateT:
        """Return an imported state with what only the program knows of it.

        `inputs` are those of the first run after the import.
        """
        return state

    def update(self, context: Context, state: StateT, inputs: InputsT) -> StateT:
        """Change it in place. Raises UnfinishedError if only a part of that was done."""
        raise NotImplementedError(f"{self.kind} is never updated in place")

    @abstractmethod
    def delete(self, context: Context, state: StateT) -> None:
        """Delete it. Succeeds if it certainly doesn't exist any more."""
