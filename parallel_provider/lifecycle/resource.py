"""Base class of all resource lifecycles, and the types that its methods return."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, Generic, TypeVar

from parallel_provider.lifecycle.declarations import (
    Checked,
    Inputs,
    Props,
    State,
    changed_inputs,
    check_inputs,
    named_input,
    replacing_inputs,
)
from parallel_provider.lifecycle.errors import LifecycleError
from parallel_provider.lifecycle.run import Context

InputsT = TypeVar("InputsT", bound=Inputs)
StateT = TypeVar("StateT", bound=State)


@dataclass(frozen=True)
class Diff:
    """Whether a resource has to change, and the inputs because of which it is replaced.

    `by_inputs` says that inputs differ from those of the last run. Pulumi then finds the change
    itself, which it must do for the option `replace_on_changes` to work.
    """

    changed: bool = False
    replaces: tuple[str, ...] = ()
    by_inputs: bool = False


class Lifecycle(ABC, Generic[InputsT, StateT]):
    """The operations of one kind of resource. Has no state of its own."""

    kind: ClassVar[str]
    """The name of the resource, such as "ApiKey"."""
    created_marker: ClassVar[str]
    """An output that every created resource has. `.get` sends inputs alone."""

    inputs_type: type[InputsT]
    state_type: type[StateT]

    def check(self, context: Context, olds: Props, news: Props) -> Checked:  # noqa: ARG002 - for others' use
        """Fill in defaults and find every problem. `olds` are the inputs of the last run."""
        name = named_input(self.inputs_type)
        if name is not None and news.get(name) is None and context.resource.default_name:
            news = {**news, name: context.resource.default_name}
        return check_inputs(self.inputs_type, news)

    def diff(self, context: Context, state: StateT, news: Props) -> Diff:  # noqa: ARG002 - for others' use
        """Compare the state with checked inputs."""
        changed = changed_inputs(self.inputs_type, state, news)
        replaces = tuple(name for name in replacing_inputs(self.inputs_type) if name in changed)
        return Diff(changed=bool(replaces), replaces=replaces)

    @abstractmethod
    def create(self, context: Context, inputs: InputsT) -> StateT:
        """Create it. If this raises, nothing was created, or the error says what may exist."""

    @abstractmethod
    def read(self, context: Context, state: StateT) -> StateT | None:
        """Return its present state; None if it certainly doesn't exist any more."""

    def look_up(self, context: Context, resource_id: str) -> StateT:  # noqa: ARG002 - for others' use
        """Return the state of a resource that this program doesn't manage."""
        raise LifecycleError(
            f"{self.kind} {resource_id!r} can't be read by its id, as the Account API has no such "
            "read: create one in this program, or pass values on as stack outputs"
        )

    def update(self, context: Context, state: StateT, inputs: InputsT) -> StateT:
        """Change it in place."""
        raise NotImplementedError(f"{self.kind} is never updated in place")

    @abstractmethod
    def delete(self, context: Context, state: StateT) -> None:
        """Delete it. Succeeds if it certainly doesn't exist any more."""
