"""Reads `Pulumi.yaml` and `Pulumi.STACK.yaml`, for `EmbeddedStack`."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import yaml  # type: ignore[import-untyped] # the stubs are no dependency of users
from pulumi.automation import ConfigValue

from pulumi_embedded.errors import Refused

_PROJECT_FILE: Final = "Pulumi.yaml"
# Keys that would change what an operation does. Other unknown keys have no effect here.
_REFUSED_IN_PROJECT: Final = ("plugins", "packages", "options")
_REFUSED_IN_STACK: Final = ("environment",)
_TYPES: Final[Mapping[str, Callable[[str], object]]] = {
    "string": str,
    "integer": int,
    "boolean": {"true": True, "false": False}.__getitem__,
}


class ConfigurationError(Exception):
    """The configuration doesn't fit the declarations in `Pulumi.yaml`."""


@dataclass(frozen=True)
class ProjectFiles:
    """The parts of a project's files that an operation uses."""

    folder: Path
    name: str = ""
    main: str = ""
    declared: Mapping[str, Any] = field(default_factory=dict)  # `config:` of Pulumi.yaml
    config_folder: str = ""

    @classmethod
    def read(cls, folder: Path) -> ProjectFiles:
        """Read the project file in a folder. Without one, everything is empty."""
        content = _read(folder / _PROJECT_FILE, _REFUSED_IN_PROJECT)
        runtime = content.get("runtime", "python")
        runtime = runtime.get("name") if isinstance(runtime, dict) else runtime
        if runtime != "python":
            raise Refused(f"the runtime {runtime!r}", _PROJECT_FILE)
        declared = content.get("config") or {}
        config_folder = content.get("stackConfigDir") or ""
        if isinstance(declared, str):  # the old place of `stackConfigDir`
            declared, config_folder = {}, declared
        main = content.get("main") or ""
        if Path(main).is_absolute():
            raise Refused("an absolute path in `main`", _PROJECT_FILE)
        return cls(folder, content.get("name") or "", main, declared, config_folder)

    @property
    def program(self) -> Path:
        """The program: a folder, or a file."""
        return (self.folder / self.main).resolve()

    def config(
        self, stack: str, project: str, values: Mapping[str, ConfigValue | None]
    ) -> dict[str, ConfigValue]:
        """Return the configuration by full keys.

        `values` (None: removed) come before those of `Pulumi.STACK.yaml`, and these come before
        the defaults in `Pulumi.yaml`.
        """
        found = dict(values)
        file_name = f"Pulumi.{stack}.yaml"
        content = _read(self.folder / self.config_folder / file_name, _REFUSED_IN_STACK)
        for key, value in (content.get("config") or {}).items():
            full = full_key(key, project)
            if full not in found:
                if _has_encrypted_value(value):
                    raise Refused(f"the encrypted configuration value {full!r}", file_name)
                found[full] = ConfigValue(_text(value))
        set_values = {key: value for key, value in found.items() if value is not None}
        return self._with_defaults(stack, project, set_values)

    def _with_defaults(
        self, stack: str, project: str, config: dict[str, ConfigValue]
    ) -> dict[str, ConfigValue]:
        missing = []
        for key, declaration in sorted(self.declared.items()):
            full = full_key(key, project)
            if not isinstance(declaration, dict):
                declaration = {"value": declaration}  # noqa: PLW2901 - the short form
            default = declaration.get("value", declaration.get("default"))
            if full not in config and default is not None:
                config[full] = ConfigValue(_text(default))
            elif full not in config and full.startswith(f"{project}:"):
                missing.append(repr(key))
            if full in config:
                _check(key, config[full], declaration, stack)
        if missing:
            word = "value" if len(missing) == 1 else "values"
            names = " and ".join(filter(None, (", ".join(missing[:-1]), missing[-1])))
            raise ConfigurationError(f"Stack '{stack}' is missing configuration {word} {names}")
        return config


def full_key(key: str, project: str) -> str:
    """Return a key with its namespace. Without one, it is the project's."""
    return key if ":" in key else f"{project}:{key}"


def _check(key: str, value: ConfigValue, declaration: Mapping[str, Any], stack: str) -> None:
    where = f"Stack '{stack}' with configuration key '{key}' must be"
    if declaration.get("secret") and not value.secret:
        raise ConfigurationError(f"{where} encrypted as it's secret")
    type_ = declaration.get("type", "string")
    parse: Callable[[str], object] = _TYPES.get(type_, json.loads)
    try:
        parse(value.value)
    except (ValueError, KeyError):
        raise ConfigurationError(f"{where} of type '{type_}'") from None


def _read(path: Path, refused: tuple[str, ...]) -> dict[str, Any]:
    if not path.exists():
        return {}
    content = yaml.safe_load(path.read_text()) or {}
    for key in refused:
        if content.get(key):
            raise Refused(f"`{key}`", path.name)
    return dict(content)


def _text(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, str | int) else json.dumps(value)


def _has_encrypted_value(value: object) -> bool:
    if isinstance(value, dict):
        return "secure" in value or any(map(_has_encrypted_value, value.values()))
    return isinstance(value, list) and any(map(_has_encrypted_value, value))
