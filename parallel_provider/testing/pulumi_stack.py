"""A stack of Pulumi itself that leaves everything of the user's alone."""

from __future__ import annotations

import secrets
import sys
from pathlib import Path

from pulumi.automation import LocalWorkspace, ProjectRuntimeInfo, ProjectSettings, Stack


def local_stack(
    stack_name: str,
    work_dir: Path,
    *,
    project_name: str,
    private_dir: Path,
    env_vars: dict[str, str] | None = None,
) -> Stack:
    """Make a stack of the program in `work_dir`, run by the `pulumi` on PATH and this interpreter.

    Its state, its passphrase and Pulumi's own files are in `private_dir` or memory: no sign-in is
    needed, and none of the user's stacks is seen. The program finds `env_vars` in its environment;
    the very dict is kept, so that what is set in it later counts too.
    """
    backend = private_dir / "backend"
    backend.mkdir(parents=True, exist_ok=True)
    variables = env_vars if env_vars is not None else {}
    variables |= {
        "PULUMI_BACKEND_URL": backend.as_uri(),
        "PULUMI_CONFIG_PASSPHRASE": secrets.token_hex(16),
        "PULUMI_HOME": str(private_dir / "home"),
        "PULUMI_PYTHON_CMD": sys.executable,
        "PULUMI_SKIP_UPDATE_CHECK": "true",
    }
    # Outside of a virtual environment, the variable above names the interpreter.
    options = {"virtualenv": sys.prefix} if sys.prefix != sys.base_prefix else {}
    settings = ProjectSettings(project_name, ProjectRuntimeInfo("python", options=options))
    workspace = LocalWorkspace(
        work_dir=str(work_dir), project_settings=settings, env_vars=variables
    )
    return Stack.create_or_select(stack_name, workspace)
