"""Stack references: outputs of other stacks, given by the test."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from typing import Any, Final

from parallel_provider.testing.engine.errors import EngineError
from parallel_provider.testing.engine.provider import ReadResult
from parallel_provider.testing.engine.state import ResourceState, SnapshotManager, now
from parallel_provider.testing.engine.urns import PROVIDER_PREFIX, Namespace
from parallel_provider.testing.engine.values import Properties, Secret, has_secret

_PROVIDER_TYPE: Final = f"{PROVIDER_PREFIX}pulumi"


def output_values(outputs: Mapping[str, Any]) -> Properties:
    """Return a stack's outputs as property values.

    A value is JSON-like, or an `OutputValue` of `pulumi.automation`, which says if it is secret.
    """
    return {name: _value(name, output) for name, output in outputs.items()}


def read(name: str, references: Mapping[str, Properties]) -> ReadResult:
    """Read a stack reference, as Pulumi's built-in provider does."""
    if name not in references:
        raise EngineError(
            f'unknown stack "{name}": give its outputs to the embedded stack with '
            f"`stack_references={{{json.dumps(name)}: {{…}}}}`"
        )
    outputs = references[name]
    secret = sorted(key for key, value in outputs.items() if has_secret(value))
    state = {"name": name, "outputs": dict(outputs), "secretOutputNames": secret}
    return ReadResult(name, state, None)


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
