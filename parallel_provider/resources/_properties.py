"""What a resource sends to Pulumi: the inputs that were given, and a place for each output."""

from __future__ import annotations

import inspect
from collections.abc import Generator, Mapping, Sequence
from typing import Any

import pulumi
from pulumi.dynamic import Resource

from parallel_provider.resources import _program

# In place of an import, for keys.
CREATE_INSTEAD = (
    "the API reads no keys, so let this resource create one, and revoke the other in the Parallel "
    "console when nobody uses it any more"
)


def properties(
    kind: type[Resource], resource_name: str, inputs: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the properties of a resource whose class annotates its outputs.

    What is None isn't sent: each property costs every run a little. Raises pulumi.RunError, which
    Pulumi prints as one line, for text that can't be sent.
    """
    require_sendable(kind, resource_name, inputs)
    _program.current().announce()
    given = {name: value for name, value in inputs.items() if value is not None}
    return {**dict.fromkeys(inspect.get_annotations(kind)), **given}


def refuse_import(
    kind: type[Resource], resource_name: str, opts: pulumi.ResourceOptions | None, instead: str
) -> None:
    """Refuse the option `import_`, which Pulumi doesn't offer for dynamic providers.

    Raises pulumi.RunError; Pulumi itself would end with the traceback of a KeyError.
    """
    if opts is not None and opts.import_ is not None:
        raise pulumi.RunError(
            f"{kind.__name__} {resource_name!r}: the option import_ doesn't work with this "
            f"provider: {instead}"
        )


def name_for_messages(
    resource_name: str, name: pulumi.Input[str] | None
) -> pulumi.Input[str | None] | None:
    """Return what the provider calls a resource in its messages, where its `name` is a secret.

    The provider gets all inputs as plain text, and can't tell. None where the name is no secret.
    """
    return _IfSecret(name, resource_name) if isinstance(name, pulumi.Output) else None


class _IfSecret:
    """Becomes the text if the output is a secret, else None; asked when Pulumi sends it."""

    def __init__(self, output: pulumi.Output[Any], text: str) -> None:
        self._output = output
        self._text = text

    def __await__(self) -> Generator[Any, Any, str | None]:
        return self._ask().__await__()

    async def _ask(self) -> str | None:
        return self._text if await self._output.is_secret() else None


def require_sendable(kind: type[Resource], resource_name: str, inputs: Mapping[str, Any]) -> None:
    """Refuse half of a surrogate pair in all the text that is known of the inputs already.

    A Python string can hold one, as what comes of undecodable bytes, and UTF-8 can't: Pulumi would
    end with pages of frames. Raises pulumi.RunError.
    """
    for name, value in {"the resource's name": resource_name, **inputs}.items():
        if _has_lone_surrogate(value):
            raise pulumi.RunError(
                f"{kind.__name__} {resource_name!r}: {name} holds text that isn't valid Unicode "
                "(a lone surrogate): check how it was decoded"
            )


def _has_lone_surrogate(value: object) -> bool:
    if isinstance(value, str):
        return not value.isascii() and any("\ud800" <= c <= "\udfff" for c in value)
    if isinstance(value, Mapping):
        return any(map(_has_lone_surrogate, (*value, *value.values())))
    if isinstance(value, Sequence) and not isinstance(value, bytes | bytearray | memoryview):
        return any(map(_has_lone_surrogate, value))
    return False
