"""The two providers of this package: the dynamic provider, and the native plugin.

A scenario is written for the dynamic provider. With the native plugin, its program imports
`parallel_native` in place of `parallel_provider`, and the state is read with the names of the
dynamic provider.
"""

from __future__ import annotations

import functools
import re
import shutil
import tempfile
from pathlib import Path
from typing import Any, Literal

from parallel_provider.plugin.schema import SCHEMA_FILE
from tests.scripts import write_script

ProviderKind = Literal["dynamic", "native"]

_SDK = Path(__file__).with_name("parallel_native.py")
_FOLDER = tempfile.TemporaryDirectory(prefix="plugin-of-tests-")
# Its value is data of the user.
_VERBATIM = "triggers"


@functools.cache
def plugin_executable() -> Path:
    """Return the plugin's executable, a script for this Python. Processes are forked from it."""
    source = "from parallel_provider.plugin.__main__ import main\n\nmain()\n"
    return write_script(Path(_FOLDER.name) / "pulumi-resource-parallel", source)


def install_sdk(folder: Path) -> None:
    """Put the package of the native plugin beside a program."""
    shutil.copy(_SDK, folder)
    shutil.copy(SCHEMA_FILE, folder)


def in_dynamic_form(resource: dict[str, Any]) -> dict[str, Any]:
    """Return a resource of the native plugin with the names that the dynamic provider has."""
    if not resource["type"].startswith("parallel:index:"):
        return resource
    properties = {key: _renamed(resource.get(key) or {}) for key in ("inputs", "outputs")}
    return resource | properties


def _renamed(properties: dict[str, Any]) -> dict[str, Any]:
    return {
        _snake(name): value if name == _VERBATIM else _value(value)
        for name, value in properties.items()
        if value is not None
    }


def _value(value: Any) -> Any:  # noqa: ANN401 - JSON
    if isinstance(value, list):
        return [_renamed(item) if isinstance(item, dict) else item for item in value]
    return value


def _snake(name: str) -> str:
    return name if name.startswith("_") else re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()
