"""Translates between the messages of Pulumi's protocol and the calls for one kind of resource."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any

from google.protobuf import empty_pb2, struct_pb2
from pydantic import SecretStr

from parallel_provider.calls import Call, Calls
from parallel_provider.errors import LifecycleError
from parallel_provider.lifecycle import lifecycle_of
from parallel_provider.lifecycle.declare import secret_outputs
from parallel_provider.lifecycle.run import ResourceNames
from parallel_provider.plugin.protocol import provider_pb2 as proto
from parallel_provider.plugin.values import (
    DOOR,
    from_struct,
    in_snake_case,
    secrets_in,
    to_camel,
    to_struct,
)
from parallel_provider.printable import remember_secret
from parallel_provider.settings import IMPORTED_RAW_KEY

_IMPORTED = "__imported"
"""An input that says that no program has given these inputs yet. Pulumi doesn't show it."""
_DYNAMIC = "__provider"
"""The property that states of the dynamic provider have."""
_SHORTEST_KEY = 8
_DOTS_OF_A_TOKEN = 2
_FORM = 'a JSON object {"API_KEY_ID": "RAW_API_KEY", …}'


class ResourceCalls:
    """The calls for one kind of resource. Each takes a request, and returns the response to it."""

    def __init__(self, kind: str) -> None:
        self._calls = Calls(lifecycle_of(kind))
        self._inputs = self._calls.inputs_type.model_fields
        self._secrets = set(map(to_camel, secret_outputs(self._calls.state_type)))
        name_input = self._calls.name_input or ""
        # States of the dynamic provider have the latter.
        self._name_spellings = {to_camel(name_input), name_input}

    def check(self, call: Call, request: proto.CheckRequest) -> proto.CheckResponse:
        """Check inputs."""
        given, olds = from_struct(request.news), from_struct(request.olds)
        known = {*map(to_camel, self._inputs), _IMPORTED}
        inputs, failures = self._calls.check(
            call,
            in_snake_case(self._inputs, olds),
            in_snake_case(self._inputs, given),
            [name for name in given if name not in known],
        )
        return proto.CheckResponse(
            inputs=to_struct(DOOR.properties(inputs), secrets_in(request.news)),
            # Without a property: the engine would print its value, even that of a secret.
            failures=[proto.CheckFailure(reason=line) for line in failures],
        )

    def diff(self, call: Call, request: proto.DiffRequest) -> proto.DiffResponse:
        """Compare outputs with inputs."""
        diff, shown = self._calls.diff(
            call,
            self._state(request.olds),
            self._news(request.news),
            is_imported=_IMPORTED in request.old_inputs.fields,
        )
        if not diff.changed and _DYNAMIC in request.olds.fields:
            # The state is of the dynamic provider: an update writes it in this provider's form.
            return proto.DiffResponse(changes=proto.DiffResponse.DIFF_SOME)
        if not diff.changed:
            return proto.DiffResponse(changes=proto.DiffResponse.DIFF_NONE)
        kinds = proto.PropertyDiff
        reasons = {
            to_camel(name): kinds(
                kind=kinds.UPDATE_REPLACE if name in diff.replaces else kinds.UPDATE,
                inputDiff=True,
            )
            for name in sorted(shown)
        }
        return proto.DiffResponse(
            changes=proto.DiffResponse.DIFF_SOME,
            replaces=[to_camel(name) for name in diff.replaces],
            diffs=list(reasons),
            detailedDiff=reasons,
            hasDetailedDiff=bool(reasons),
        )

    def create(self, call: Call, request: proto.CreateRequest) -> proto.CreateResponse:
        """Create from inputs; in a preview, return what is known of the outputs."""
        news = self._news(request.properties)
        resource_id, outputs = self._calls.create(call, news, is_preview=request.preview)
        properties = self.outputs(outputs, request.properties)
        return proto.CreateResponse(id=resource_id, properties=properties)

    def read(self, call: Call, request: proto.ReadRequest) -> proto.ReadResponse:
        """Read the present outputs. A `get` has none, and an import hasn't even the field.

        The id stays: an import's text stands in the program, and a key's id changes by rotations.
        """
        is_import = not request.HasField("properties") and not request.HasField("inputs")
        outputs = self._state(request.properties)
        found = self._calls.read(call, request.id, outputs, raw_key_of if is_import else None)
        if found is None:
            return proto.ReadResponse()
        properties = self.outputs(found[0], request.properties)
        inputs = request.inputs
        if not inputs.fields:
            inputs = to_struct({**DOOR.properties(found[1]), _IMPORTED: True})
        return proto.ReadResponse(id=request.id, properties=properties, inputs=inputs)

    def update(self, call: Call, request: proto.UpdateRequest) -> proto.UpdateResponse:
        """Update in place; in a preview, return what is known of the outputs."""
        outputs = self._calls.update(
            call,
            request.id,
            self._state(request.olds),
            self._news(request.news),
            is_imported=_IMPORTED in request.old_inputs.fields,
            is_preview=request.preview,
        )
        return proto.UpdateResponse(properties=self.outputs(outputs, request.news))

    def delete(self, call: Call, request: proto.DeleteRequest) -> empty_pb2.Empty:
        """Delete by outputs."""
        self._calls.delete(call, self._state(request.properties))
        return empty_pb2.Empty()

    def outputs(self, outputs: dict[str, Any], given: struct_pb2.Struct) -> struct_pb2.Struct:
        """Return all outputs. One that is absent is null: a missing one would be unknown.

        Outputs with the names of secrets that are `given` are secrets too.
        """
        return to_struct(outputs, self._secrets | secrets_in(given))

    def secret_names(self, *properties: struct_pb2.Struct) -> tuple[object, ...]:
        """Return the values of the name input that the program calls secrets."""
        return tuple(
            from_struct(struct)[name]
            for struct in properties
            for name in self._name_spellings & secrets_in(struct)
        )

    def _news(self, struct: struct_pb2.Struct) -> dict[str, Any]:
        return in_snake_case(self._inputs, from_struct(struct))

    def _state(self, struct: struct_pb2.Struct) -> dict[str, Any]:
        outputs = from_struct(struct)
        return outputs | in_snake_case(self._calls.state_type.model_fields, outputs)


def type_and_names(urn: str) -> tuple[str, ResourceNames]:
    """Return the type of a resource, such as "parallel:index:ApiKey", and its names, by its URN."""
    # urn:pulumi:STACK::PROJECT::PARENT$TYPES$TYPE::NAME
    stack, project, types, name = urn.removeprefix("urn:pulumi:").split("::", 3)
    parents, _, type_ = types.rpartition("$")
    return type_, ResourceNames(name=name, stack=stack, project=project, parent_types=parents)


def raw_key_of(api_key_id: str, environment: Mapping[str, str] = os.environ) -> SecretStr | None:
    """Return the raw key that the user gives for a key that is imported.

    The variable has a JSON object with a raw key for each key's id. Raises LifecycleError.
    """
    text = environment.get(IMPORTED_RAW_KEY, "").strip()
    return _raws_by_id(text).get(api_key_id) if text else None


def _raws_by_id(text: str) -> dict[str, SecretStr]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict) or not found:
        raise LifecycleError(f"{IMPORTED_RAW_KEY} must be {_FORM}")
    raws = {key_id: _valid(raw) for key_id, raw in found.items()}
    if len({raw.get_secret_value() for raw in raws.values()}) < len(raws):
        raise LifecycleError(f"{IMPORTED_RAW_KEY} has the same raw key for two keys")
    return raws


def _valid(text: object) -> SecretStr:
    raw = text if isinstance(text, str) else ""
    is_token = raw.startswith("eyJ") and raw.count(".") == _DOTS_OF_A_TOKEN
    is_word = raw.isprintable() and not any(map(str.isspace, raw))
    if len(raw) < _SHORTEST_KEY or is_token or not is_word:
        raise LifecycleError(
            f"{IMPORTED_RAW_KEY} has no raw API key for one of its keys: it must be {_FORM}, with "
            "each key as it was shown when it was created"
        )
    remember_secret(raw)
    return SecretStr(raw)
