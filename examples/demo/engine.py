"""Which engine runs the program: Pulumi itself where it is on PATH, else the embedded one."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from pulumi.automation import (
    LocalWorkspace,
    ProjectRuntimeInfo,
    ProjectSettings,
    PulumiCommand,
    Stack,
)
from pulumi.automation.errors import InvalidVersionError

from parallel_provider.testing import EmbeddedStack

PROJECT_NAME = "parallel-quickstart"
STACK_NAME = "demo"
QUICKSTART = Path(__file__).parents[1] / "quickstart"

_INSTALL = "https://www.pulumi.com/docs/install/"


class UnusableEngine(Exception):  # noqa: N818 - it says what is the matter, not what failed
    """The engine asked for can't be had; the text says why and what to do."""


@dataclass(frozen=True)
class Engine:
    """An engine, and how it is introduced.

    `command` is Pulumi, None where the engine is the embedded one; `folder` is all that it may
    write to.
    """

    title: str
    note: str
    folder: Path
    command: PulumiCommand | None = None


def choose(wanted: str, folder: Path) -> Engine:
    """Return the engine of this name, or where none is given the best that there is.

    Raises UnusableEngine.
    """
    installed = shutil.which("pulumi") is not None
    if wanted not in ("", "embedded", "pulumi"):
        raise UnusableEngine(f"ENGINE is embedded or pulumi, not {wanted!r}")
    if wanted == "pulumi" and not installed:
        raise UnusableEngine(f"pulumi isn't on PATH: see {_INSTALL}, or leave ENGINE out")
    if installed and wanted != "embedded":
        return _pulumi(folder)
    reason = "as asked for" if installed else "as pulumi isn't on PATH"
    note = (
        f"The engine is the embedded one, {reason}: program and provider are the real ones, and "
        f"between them is a small engine made for tests. What you deploy with is Pulumi itself: "
        f"{_INSTALL}"
    )
    return Engine("the embedded engine", note, folder)


def _pulumi(folder: Path) -> Engine:
    # From here on for every process that is started, the question for its version among them.
    os.environ["PULUMI_HOME"] = str(folder / "home")
    try:
        command = PulumiCommand()
    except (InvalidVersionError, OSError, subprocess.CalledProcessError) as error:
        raise UnusableEngine(
            f"the pulumi on PATH can't be used, try ENGINE=embedded: {error}"
        ) from None
    note = (
        "The engine is the pulumi on your PATH, with a backend of its own that ends with this "
        "demo: your stacks, your configuration and your sign-in aren't touched."
    )
    return Engine(f"Pulumi {command.version}", note, folder, command)


def open_stack(engine: Engine, environment: Mapping[str, str]) -> Stack | EmbeddedStack:
    """Make a stack of the quickstart, which finds these variables in its environment."""
    if engine.command is None:
        return EmbeddedStack(
            STACK_NAME, QUICKSTART, project_name=PROJECT_NAME, env_vars=environment
        )
    program, backend = engine.folder / "program", engine.folder / "backend"
    # A copy, since Pulumi writes the stack's configuration beside the program.
    shutil.copytree(QUICKSTART, program, ignore=shutil.ignore_patterns(".venv", "__pycache__"))
    backend.mkdir()
    workspace = LocalWorkspace(
        work_dir=str(program),
        project_settings=ProjectSettings(PROJECT_NAME, ProjectRuntimeInfo("python")),
        pulumi_command=engine.command,
        env_vars={
            **environment,
            "PULUMI_BACKEND_URL": backend.as_uri(),
            "PULUMI_CONFIG_PASSPHRASE": secrets.token_hex(16),
            "PULUMI_PYTHON_CMD": sys.executable,
            "PULUMI_SKIP_UPDATE_CHECK": "true",
        },
    )
    return Stack.create(STACK_NAME, workspace)


@contextmanager
def uninterrupted(stack: Stack | EmbeddedStack) -> Iterator[None]:
    """Put an interrupt off until what runs inside is through, where that is needed.

    The embedded engine is in this process and can be left at any time. Pulumi is another one, and
    when it is interrupted early it leaves processes behind.
    """
    if isinstance(stack, EmbeddedStack):
        yield
        return
    interrupted = False

    def remember(_signal: int, _frame: FrameType | None) -> None:
        nonlocal interrupted
        interrupted = True

    before = signal.signal(signal.SIGINT, remember)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if interrupted:
        raise KeyboardInterrupt
