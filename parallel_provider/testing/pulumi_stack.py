"""`local_stack`: a stack of Pulumi itself, apart from the user's own files and stacks."""

from __future__ import annotations

import os
import secrets
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import yaml  # type: ignore[import-untyped] # no stubs among what users install
from pulumi.automation import LocalWorkspace, Stack

_PROJECT_FILE: Final = "Pulumi.yaml"
# Keys of the user's `Pulumi.yaml` that are replaced: places of files, and of the state.
_REPLACED: Final = ("name", "runtime", "main", "backend", "stackConfigDir")


def local_stack(
    stack_name: str,
    work_dir: Path,
    *,
    project_name: str,
    private_dir: Path,
    env_vars: dict[str, str] | None = None,
    plugins: Mapping[str, str | os.PathLike[str]] | None = None,
) -> Stack:
    """Make a stack of the program in `work_dir`. It runs with the `pulumi` on PATH and this Python.

    The state, the passphrase, the configuration and Pulumi's own files are in `private_dir` or in
    memory. So no sign-in is needed, the user's stacks aren't used, and nothing is written to
    `work_dir`. A `Pulumi.yaml` there is read (`main`, configuration defaults), but not the files of
    the user's stacks (`Pulumi.STACK.yaml`). `env_vars` are added to the environment of the program.
    The dict itself is kept, so later changes to it have an effect. `plugins` has the native plugins
    of packages: for each package its executable, or the folder that it is in.
    """
    backend = private_dir / "backend"
    backend.mkdir(parents=True, exist_ok=True)
    variables = env_vars if env_vars is not None else {}
    variables |= {
        "PULUMI_BACKEND_URL": backend.resolve().as_uri(),
        "PULUMI_CONFIG_PASSPHRASE": secrets.token_hex(16),
        "PULUMI_HOME": str(private_dir / "home"),
        "PULUMI_PYTHON_CMD": sys.executable,
        "PULUMI_SKIP_UPDATE_CHECK": "true",
    }
    project = _make_project(Path(work_dir).resolve(), project_name, private_dir, plugins or {})
    workspace = LocalWorkspace(work_dir=str(project), env_vars=variables)
    return Stack.create_or_select(stack_name, workspace)


def _make_project(
    work_dir: Path,
    project_name: str,
    private_dir: Path,
    plugins: Mapping[str, str | os.PathLike[str]],
) -> Path:
    """Make a project folder that links to the program's folder. Return it."""
    folder = private_dir / "project"
    folder.mkdir(exist_ok=True)
    link = folder / "program"
    link.unlink(missing_ok=True)
    # Pulumi requires that the path of the program is below the project's folder.
    link.symlink_to(work_dir, target_is_directory=True)

    original: dict[str, Any] = {}
    if (work_dir / _PROJECT_FILE).exists():
        original = yaml.safe_load((work_dir / _PROJECT_FILE).read_text()) or {}
    # Outside of a virtual environment, PULUMI_PYTHON_CMD names the interpreter.
    options = {"virtualenv": sys.prefix} if sys.prefix != sys.base_prefix else {}
    main = link / original.get("main", "")
    replaced = {
        **{key: value for key, value in original.items() if key not in _REPLACED},
        "name": project_name,
        "runtime": {"name": "python", "options": options},
        "main": str(main.relative_to(folder)) + ("/" if main.is_dir() else ""),
    }
    if plugins:
        listed = [
            {"name": package, "path": str(_folder_of(Path(plugin)))}
            for package, plugin in plugins.items()
        ]
        replaced["plugins"] = {"providers": listed}
    (folder / _PROJECT_FILE).write_text(yaml.safe_dump(replaced))
    return folder


def _folder_of(plugin: Path) -> Path:
    return (plugin if plugin.is_dir() else plugin.parent).absolute()
