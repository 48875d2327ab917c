"""A stack of Pulumi itself that leaves everything of the user's alone."""

from __future__ import annotations

import secrets
import sys
from pathlib import Path
from typing import Any, Final

import yaml  # type: ignore[import-untyped] # no stubs among what users install
from pulumi.automation import LocalWorkspace, Stack

_PROJECT_FILE: Final = "Pulumi.yaml"
# What the project's own file says of where its parts are, and of where its state is kept.
_REPLACED: Final = ("name", "runtime", "main", "backend", "stackConfigDir")


def local_stack(
    stack_name: str,
    work_dir: Path,
    *,
    project_name: str,
    private_dir: Path,
    env_vars: dict[str, str] | None = None,
) -> Stack:
    """Make a stack of the program in `work_dir`, run by the `pulumi` on PATH and this interpreter.

    Its state, its passphrase, its configuration and Pulumi's own files are in `private_dir` or
    memory: no sign-in is needed, none of the user's stacks is seen, and nothing is written to
    `work_dir`. A `Pulumi.yaml` there is read (`main`, defaults of the configuration); the files of
    the user's own stacks (`Pulumi.STACK.yaml`) aren't. The program finds `env_vars` in its
    environment; the very dict is kept, so that what is set in it later counts too.
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
    project = _project_of_its_own(Path(work_dir).resolve(), project_name, private_dir)
    workspace = LocalWorkspace(work_dir=str(project), env_vars=variables)
    return Stack.create_or_select(stack_name, workspace)


def _project_of_its_own(work_dir: Path, project_name: str, private_dir: Path) -> Path:
    """Make the folder of a project whose program is in another folder, and return it."""
    folder = private_dir / "project"
    folder.mkdir(exist_ok=True)
    link = folder / "program"
    link.unlink(missing_ok=True)
    # Pulumi wants a program below its project, by the path as it is written.
    link.symlink_to(work_dir, target_is_directory=True)

    theirs: dict[str, Any] = {}
    if (work_dir / _PROJECT_FILE).exists():
        theirs = yaml.safe_load((work_dir / _PROJECT_FILE).read_text()) or {}
    # Outside of a virtual environment, PULUMI_PYTHON_CMD names the interpreter.
    options = {"virtualenv": sys.prefix} if sys.prefix != sys.base_prefix else {}
    ours = {
        **{key: value for key, value in theirs.items() if key not in _REPLACED},
        "name": project_name,
        "runtime": {"name": "python", "options": options},
        "main": str(Path(link.name) / theirs.get("main", "")) + "/",
    }
    (folder / _PROJECT_FILE).write_text(yaml.safe_dump(ours))
    return folder
