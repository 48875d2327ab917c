"""Results and errors as types of `pulumi.automation`."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timezone

from pulumi.automation import OpType, OutputMap, OutputValue, UpdateSummary
from pulumi.automation._cmd import CommandResult
from pulumi.automation.errors import CommandError, create_command_error

from pulumi_embedded.operations import Outcome
from pulumi_embedded.state import ResourceState
from pulumi_embedded.values import Secret, plain


def command_error(stdout: str, stderr: str = "") -> CommandError:
    """Return the error of a failed command with this output."""
    return create_command_error(CommandResult(stdout=stdout, stderr=stderr, code=1))


def changes(outcome: Outcome) -> dict[OpType, int]:
    """Return the number of resources for each operation that was done or previewed."""
    return {OpType(operation): count for operation, count in outcome.counts.items()}


def summary(kind: str, outcome: Outcome, started: datetime, version: int) -> UpdateSummary:
    """Return the summary of an operation that succeeded."""
    return UpdateSummary(
        kind=kind,
        start_time=started,
        message="",
        environment={},
        config={},
        result="succeeded",
        end_time=datetime.now(timezone.utc),
        version=version,
        resource_changes=changes(outcome),
    )


def outputs(resources: Iterable[ResourceState], root: str) -> OutputMap:
    """Return the outputs of the stack. An output is secret if its whole value is."""
    for state in resources:
        if state.urn == root:
            return {
                key: OutputValue(value=plain(value), secret=isinstance(value, Secret))
                for key, value in state.outputs.items()
            }
    return {}
