"""Imports: the raw keys that the user gives, and the first run after an import.

The API can't tell every input of a resource. So the first run after an import takes over what the
program says, and replaces nothing: a key that is in use must not be revoked by an import.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from google.protobuf import struct_pb2
from pydantic import SecretStr

from parallel_provider.errors import LifecycleError
from parallel_provider.lifecycle.declarations import Props, State, changed_inputs
from parallel_provider.lifecycle.resource import Diff, Lifecycle
from parallel_provider.lifecycle.run import Context
from parallel_provider.lifecycle.unknown import Unknown
from parallel_provider.printable import field_name, printable, remember_secret
from parallel_provider.settings import IMPORTED_RAW_KEY

IMPORTED = "__imported"
"""An input that says that no program has given these inputs yet. Pulumi doesn't show it."""

_TRIGGERS = "triggers"
_SHORTEST_KEY = 8
_DOTS_OF_A_TOKEN = 2
_FORM = 'a JSON object {"API_KEY_ID": "RAW_API_KEY", …}'


def raw_key_of(api_key_id: str, environment: Mapping[str, str] = os.environ) -> SecretStr | None:
    """Return the raw key that the user gives for a key that is imported.

    The variable has a JSON object with a raw key for each key's id. Raises LifecycleError.
    """
    text = environment.get(IMPORTED_RAW_KEY, "").strip()
    return _raws_by_id(text).get(api_key_id) if text else None


def is_imported(inputs: struct_pb2.Struct) -> bool:
    """Return whether these inputs come from an import, and not from a program."""
    return IMPORTED in inputs.fields


def compare(
    lifecycle: Lifecycle[Any, Any],
    context: Context,
    old_inputs: struct_pb2.Struct,
    state: State,
    inputs: Props,
) -> tuple[Diff, set[str]]:
    """Return the difference of a state and inputs, and the names of the inputs to show for it.

    Raises LifecycleError if the first run after an import would replace the resource.
    """
    if not is_imported(old_inputs):
        diff = lifecycle.diff(context, state, inputs)
        return diff, {*diff.updates, *diff.replaces}
    completed = lifecycle.with_first_inputs(state, inputs)
    known = {**inputs, _TRIGGERS: dict(state).get(_TRIGGERS)}
    diff = lifecycle.diff(context, completed, known)
    wrong = [name for name in diff.replaces if not isinstance(inputs.get(name), Unknown)]
    if wrong:
        values = ", ".join(
            f"{field_name(name)} {printable(str(completed.input_value(name)))!r}" for name in wrong
        )
        raise LifecycleError(
            f"the first run after an import replaces nothing: it was imported with {values}, and "
            "the program says something else. Write these values in the program; they can be "
            "changed in a later run"
        )
    taken_over = changed_inputs(lifecycle.inputs_type, state, inputs)
    if _TRIGGERS in taken_over:
        context.info(
            "`triggers` are taken over from the program: the first run after an import replaces "
            "and rotates nothing."
        )
    # The schema says which inputs replace a resource when they change. The engine applies that to
    # each input that is shown, also where its value is only taken over.
    shown = {*diff.updates, *changed_inputs(lifecycle.inputs_type, completed, inputs)}
    updates = tuple(sorted({*diff.updates, *taken_over}))
    return replace(diff, updates=updates), shown - {_TRIGGERS}


def completed(
    lifecycle: Lifecycle[Any, Any], old_inputs: struct_pb2.Struct, state: State, inputs: Props
) -> State:
    """Return the state with what only the program knows, in the first run after an import."""
    if not is_imported(old_inputs):
        return state
    state = lifecycle.with_first_inputs(state, inputs)
    if _TRIGGERS in type(state).model_fields:
        state = state.model_copy(update={_TRIGGERS: inputs.get(_TRIGGERS)})
    return state


def imported_inputs(lifecycle: Lifecycle[Any, Any], state: State) -> dict[str, Any]:
    """Return the inputs with which a program declares an imported resource, in snake_case."""
    names = [n for n in lifecycle.inputs_type.model_fields if n in type(state).model_fields]
    known = {name: state.input_value(name) for name in names}
    return {name: value for name, value in known.items() if value is not None}


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
