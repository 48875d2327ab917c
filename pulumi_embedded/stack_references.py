"""Stack references: outputs of other stacks, given by the test."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from typing import Any, Final

from pulumi_embedded.deployment import Deployment
from pulumi_embedded.errors import StepFailed
from pulumi_embedded.packages import BUILT_IN
from pulumi_embedded.provider import ReadResult
from pulumi_embedded.state import ResourceState, SnapshotManager, now
from pulumi_embedded.urns import PROVIDER_PREFIX, STACK_REFERENCE, Namespace
from pulumi_embedded.values import Properties, Secret, has_secret

_PROVIDER_TYPE: Final = f"{PROVIDER_PREFIX}{BUILT_IN}"


def output_values(stacks: Mapping[str, Mapping[str, Any]]) -> dict[str, Properties]:
    """Return the outputs of stacks as property values.

    A value is JSON-like, or an `OutputValue` of `pulumi.automation`, which says if it is secret.
    """
    return {
        stack: {name: _value(name, output) for name, output in outputs.items()}
        for stack, outputs in stacks.items()
    }


def read(deployment: Deployment, state: ResourceState, properties: Properties) -> ReadResult:
    """Read a resource. Pulumi's built-in provider reads stack references."""
    if state.type == STACK_REFERENCE:
        return _read_reference(state, deployment.options.stack_references)
    return deployment.call_provider(
        state.urn,
        lambda: deployment.provider(state).read(
            state.urn, state.id, inputs=state.inputs, state=properties
        ),
    )


def _read_reference(state: ResourceState, references: Mapping[str, Properties]) -> ReadResult:
    name = state.id
    if name not in references:
        raise StepFailed(
            state.urn,
            f'unknown stack "{name}": give its outputs to the embedded stack with '
            f"`stack_references={{{json.dumps(name)}: {{…}}}}`",
        )
    outputs = references[name]
    secret = sorted(key for key, value in outputs.items() if has_secret(value))
    found = {"name": name, "outputs": dict(outputs), "secretOutputNames": secret}
    return ReadResult(name, found, None)


def provider_reference(snapshots: SnapshotManager, space: Namespace) -> str:
    """Return the reference to the built-in provider. The first call adds it to the state."""
    urn = space.urn(_PROVIDER_TYPE, "default")
    known = snapshots.added(urn)
    if known is None:
        old = snapshots.live.get(urn)
        known = ResourceState(
            urn=urn,
            type=_PROVIDER_TYPE,
            custom=True,
            id=old.id if old else str(uuid.uuid4()),
            created=old.created if old else now(),
            modified=old.modified if old else now(),
        )
        snapshots.add(known, instead_of=old)
    return f"{known.urn}::{known.id}"


def _value(name: str, output: object) -> Any:  # noqa: ANN401 - a property value
    # `OutputValue` and `ConfigValue` have the same two attributes.
    if hasattr(output, "value") and hasattr(output, "secret"):
        value = _value(name, output.value)
        return Secret(value) if output.secret else value
    try:
        return json.loads(json.dumps(output))
    except TypeError:
        raise TypeError(
            f"the output {name!r} of a stack reference has a {type(output).__name__}: "
            "give a JSON-like value, or an `OutputValue`"
        ) from None
