"""What a resource sends to Pulumi: the inputs that were given, and a place for each output."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from typing import Any

import pulumi
from pulumi.dynamic import Resource

_MAX_INTEGER = 2**53 - 1


def properties(
    kind: type[Resource], resource_name: str, inputs: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the properties of a resource whose class annotates its outputs.

    What is None isn't sent: each property costs every run a little. Raises pulumi.RunError, which
    Pulumi prints as one line, for text that can't be sent.
    """
    require_sendable(kind, resource_name, inputs)
    given = {name: value for name, value in inputs.items() if value is not None}
    return {**dict.fromkeys(inspect.get_annotations(kind)), **given}


def none_where_absent(resource: Resource, names: Sequence[str], *, known_by: str) -> None:
    """Let outputs that the provider leaves out be None in a preview too, instead of unknown.

    The SDK takes an output that isn't there for one that isn't known yet. Where `known_by`, which
    the provider never leaves out, is known, the others are as well.
    """
    witness: pulumi.Output[Any] = getattr(resource, known_by)
    for name in names:
        setattr(resource, name, _known_with(getattr(resource, name), witness))


def _known_with(output: pulumi.Output[Any], witness: pulumi.Output[Any]) -> pulumi.Output[Any]:
    async def is_known() -> bool:
        return await output.is_known() or await witness.is_known()

    return pulumi.Output(
        output.resources(), output.future(with_unknowns=True), is_known(), output.is_secret()
    )


def utc_time(seconds: pulumi.Output[Any]) -> pulumi.Output[Any]:
    """Return epoch seconds as a UTC time in ISO 8601, such as 2026-11-24T16:48:16Z."""
    return seconds.apply(lambda known: None if known is None else _iso_8601(known))


def _iso_8601(seconds: float) -> str:
    return datetime.fromtimestamp(int(seconds), timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def require_sendable(kind: type[Resource], resource_name: str, inputs: Mapping[str, Any]) -> None:
    """Refuse, in what is known of the inputs already, what Pulumi can't send as it is.

    Half of a surrogate pair: a Python string can hold one, as what comes of undecodable bytes, and
    UTF-8 can't. An integer beyond 2**53: Pulumi sends doubles, so two different ones would arrive
    as one, and one of hundreds of digits ends with pages of frames. Raises pulumi.RunError.
    """
    for name, value in {"the resource's name": resource_name, **inputs}.items():
        if _has_lone_surrogate(value):
            raise pulumi.RunError(
                f"{kind.__name__} {resource_name!r}: {name} holds text that isn't valid Unicode "
                "(a lone surrogate): check how it was decoded"
            )
        if _has_inexact_number(value):
            raise pulumi.RunError(
                f"{kind.__name__} {resource_name!r}: {name} holds an integer beyond {_MAX_INTEGER},"
                " which Pulumi can't send as it is: write it as text"
            )


def _has_lone_surrogate(value: object) -> bool:
    if isinstance(value, str):
        return not value.isascii() and any("\ud800" <= c <= "\udfff" for c in value)
    if isinstance(value, Mapping):
        return any(map(_has_lone_surrogate, (*value, *value.values())))
    if isinstance(value, Sequence) and not isinstance(value, bytes | bytearray | memoryview):
        return any(map(_has_lone_surrogate, value))
    return False


def _has_inexact_number(value: object) -> bool:
    if isinstance(value, int):
        return abs(value) > _MAX_INTEGER
    if isinstance(value, Mapping):
        return any(map(_has_inexact_number, value.values()))
    if isinstance(value, Sequence) and not isinstance(value, str | bytes | bytearray | memoryview):
        return any(map(_has_inexact_number, value))
    return False
