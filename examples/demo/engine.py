"""Chooses the engine: Pulumi itself if it is on PATH, or else the embedded engine."""

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
YAML = Path(__file__).parents[1] / "yaml"

_INSTALL = "https://www.pulumi.com/docs/install/"


class UnusableEngine(Exception):  # noqa: N818 - the name says what is wrong
    """The chosen engine can't be used. The text says why and what to do."""


@dataclass(frozen=True)
class Engine:
    """An engine, with the texts that introduce it.

    `command` is Pulumi, or None for the embedded engine. The engine writes only to `folder`.
    """

    title: str
    note: str
    folder: Path
    command: PulumiCommand | None = None


def choose(wanted: str, folder: Path) -> Engine:
    """Return the engine of this name. Without a name: Pulumi if installed, or else the embedded.

    Raises UnusableEngine.
    """
    installed = shutil.which("pulumi") is not None
    if wanted not in ("", "embedded", "pulumi"):
        raise UnusableEngine(f"ENGINE is embedded or pulumi, not {wanted!r}")
    if wanted == "pulumi" and not installed:
        raise UnusableEngine(f"pulumi isn't on PATH: see {_INSTALL}, or leave ENGINE out")
    if installed and wanted != "embedded":
        return _pulumi(folder)
    reason = "as you asked" if installed else "because pulumi isn't on PATH"
    note = (
        f"The engine is the embedded one, {reason}. The program and the provider are the real "
        f"ones; only the engine is a small one for tests. To deploy, use Pulumi itself: "
        f"{_INSTALL}"
    )
    return Engine("the embedded engine", note, folder)


def _pulumi(folder: Path) -> Engine:
    # For all processes started from now on. PulumiCommand() starts one to get the version.
    os.environ["PULUMI_HOME"] = str(folder / "home")
    try:
        command = PulumiCommand()
    except (InvalidVersionError, OSError, subprocess.CalledProcessError) as error:
        raise UnusableEngine(
            f"the pulumi on PATH can't be used, try ENGINE=embedded: {error}"
        ) from None
    note = (
        "The engine is the pulumi on your PATH, with a temporary backend for this demo. Your "
        "stacks, your configuration and your sign-in aren't touched."
    )
    return Engine(f"Pulumi {command.version}", note, folder, command)


def open_stack(engine: Engine, environment: Mapping[str, str]) -> Stack | EmbeddedStack:
    """Make a stack of the quickstart, with these environment variables."""
    if engine.command is None:
        return EmbeddedStack(
            STACK_NAME, QUICKSTART, project_name=PROJECT_NAME, env_vars=environment
        )
    settings = ProjectSettings(PROJECT_NAME, ProjectRuntimeInfo("python"))
    return _local_stack(engine, QUICKSTART, environment, settings)


def open_yaml_stack(engine: Engine, environment: Mapping[str, str]) -> Stack | None:
    """Make a stack of examples/yaml. None if this engine can't run YAML programs here."""
    if engine.command is None or shutil.which("pulumi-language-yaml") is None:
        return None
    return _local_stack(engine, YAML, environment)


def install_plugin() -> None:
    """Install the native plugin in the folder of this demo. Raises UnusableEngine."""
    command = [sys.executable, "-m", "parallel_provider.cli", "plugin", "install"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode != 0:
        raise UnusableEngine(" ".join(done.stderr.split()))


def _local_stack(
    engine: Engine,
    source: Path,
    environment: Mapping[str, str],
    settings: ProjectSettings | None = None,
) -> Stack:
    program, backend = engine.folder / source.name, engine.folder / "backend"
    # Use a copy, because Pulumi writes the stack's configuration beside the program.
    shutil.copytree(source, program, ignore=shutil.ignore_patterns("__pycache__"))
    backend.mkdir(exist_ok=True)
    workspace = LocalWorkspace(
        work_dir=str(program),
        project_settings=settings,
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
    """Delay an interrupt until the body has ended, if the engine needs that.

    The embedded engine runs in this process and can stop at any time. Pulumi is another process,
    and leaves processes behind if it is interrupted early.
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
