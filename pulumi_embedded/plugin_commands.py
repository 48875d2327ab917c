"""The commands of native plugins, for `EmbeddedStack`."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from pulumi_embedded.errors import Refused

Plugin = str | os.PathLike[str] | Sequence[str]  # an executable or its folder, or a command


def plugin_commands(plugins: Mapping[str, Plugin]) -> dict[str, list[str]]:
    """Return the command of each package. Raise `ValueError` if there is no such executable."""
    return {package: _command(package, plugin) for package, plugin in plugins.items()}


def _command(package: str, plugin: Plugin) -> list[str]:
    first, *arguments = [plugin] if isinstance(plugin, str | os.PathLike) else plugin
    path = Path(first)
    if path.is_dir():
        path = path / f"pulumi-resource-{package}"
        if not path.exists() and (path.parent / "PulumiPlugin.yaml").exists():
            raise Refused("plugins with a `PulumiPlugin.yaml`", f"the plugin of {package!r}")
    # A name without a folder is looked for on PATH.
    found = shutil.which(path)
    if found is None:
        raise ValueError(
            f"the plugin of the package {package!r} can't be started: {path} isn't there or isn't "
            "executable. Give the path of its executable, or a command as a list"
        )
    return [str(Path(found).absolute()), *arguments]
