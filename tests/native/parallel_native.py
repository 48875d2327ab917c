"""The package `parallel` for Python programs, with the names of `parallel_provider`.

Scenarios use it in place of `parallel_provider`, so that one program runs with the native plugin
too. It is what `pulumi package gen-sdk` would write, made from the schema when it is imported. The
tests copy this file and `schema.json` beside the program.
"""

from __future__ import annotations

import functools
import json
import re
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pulumi
import pulumi.runtime

_SCHEMA = json.loads(Path(__file__).with_name("schema.json").read_text())
_OUTPUT_TYPES = {"integer": pulumi.Output[int]}
Props = dict[str, Any]


def _snake(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


def _in_snake_case(value: Any) -> Any:  # noqa: ANN401 - JSON
    if isinstance(value, dict):
        return {_snake(key): _in_snake_case(item) for key, item in value.items()}
    return [_in_snake_case(item) for item in value] if isinstance(value, list) else value


def _sendable(value: Any) -> Any:  # noqa: ANN401 - an input
    if isinstance(value, pulumi.Output):
        return value.apply(_sendable)
    return f"{value // timedelta(seconds=1)}s" if isinstance(value, timedelta) else value


def _output(name: str, declared: Props) -> property:
    def get(self: Any) -> Any:  # noqa: ANN401 - a resource, and its output
        return pulumi.get(self, _snake(name))

    get.__name__ = _snake(name)
    get.__annotations__ = {"return": _OUTPUT_TYPES.get(declared.get("type", ""), pulumi.Output)}
    return property(pulumi.getter(name=name)(get))


class _Resource(pulumi.CustomResource):
    """A resource of the package. Subclasses are made from the schema."""

    _token: str
    _declared: Props

    def __init__(
        self, resource_name: str, *, opts: pulumi.ResourceOptions | None = None, **inputs: object
    ) -> None:
        known = {_snake(name) for name in self._declared["inputProperties"]}
        if unknown := set(inputs) - known:
            raise TypeError(f"{type(self).__name__} got unexpected arguments {sorted(unknown)}")
        props = dict.fromkeys(map(_snake, self._declared["properties"]))
        aliases = [pulumi.Alias(type_=alias["type"]) for alias in self._declared["aliases"]]
        options = pulumi.ResourceOptions(aliases=aliases)
        given = {name: _sendable(value) for name, value in inputs.items()}
        super().__init__(
            self._token,
            resource_name,
            {**props, **given},
            pulumi.ResourceOptions.merge(options, opts),
        )

    @classmethod
    def get(
        cls,
        resource_name: str,
        id_: Any,  # noqa: ANN401 - an input
        opts: pulumi.ResourceOptions | None = None,
    ) -> _Resource:
        """Read a resource that this program doesn't manage."""
        read = pulumi.ResourceOptions(id=id_)
        return cls(resource_name, opts=pulumi.ResourceOptions.merge(opts, read))

    def translate_input_property(self, prop: str) -> str:
        """Return the name in the schema."""
        known = (*self._declared["inputProperties"], *self._declared["properties"])
        return next((name for name in known if _snake(name) == prop), prop)

    def translate_output_property(self, prop: str) -> str:
        """Return the name in Python."""
        return _snake(prop)


def _class_of(token: str, declared: Props) -> type[_Resource]:
    outputs = {_snake(name): _output(name, what) for name, what in declared["properties"].items()}
    return type(
        token.rpartition(":")[2], (_Resource,), {**outputs, "_token": token, "_declared": declared}
    )


def _sent(function: str, arguments: Props) -> Props:
    declared = _SCHEMA["functions"][f"parallel:index:{function}"].get("inputs", {})
    names = declared.get("properties", {})
    return {name: arguments[_snake(name)] for name in names if _snake(name) in arguments}


def _typed(result: Any) -> Any:  # noqa: ANN401 - JSON, and then of the function's type
    text = json.dumps(_in_snake_case(result))
    return json.loads(text, object_hook=lambda fields: SimpleNamespace(**fields))


def _call(function: str, **arguments: object) -> Any:  # noqa: ANN401 - of the function's type
    token = f"parallel:index:{function}"
    return _typed(pulumi.runtime.invoke(token, _sent(function, arguments)).value)


def _call_output(function: str, **arguments: object) -> pulumi.Output[Any]:
    token = f"parallel:index:{function}"
    return pulumi.runtime.invoke_output(token, _sent(function, arguments)).apply(_typed)


for _token, _declared in _SCHEMA["resources"].items():
    globals()[_token.rpartition(":")[2]] = _class_of(_token, _declared)
for _token in _SCHEMA["functions"]:
    _name = _token.rpartition(":")[2]
    globals()[_snake(_name)] = functools.partial(_call, _name)
    globals()[f"{_snake(_name)}_output"] = functools.partial(_call_output, _name)
