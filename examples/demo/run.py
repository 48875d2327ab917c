"""Runs the demo: starts the emulator, runs all steps, and cleans up."""

from __future__ import annotations

import io
import os
import signal
import sys
import tempfile
import time
from pathlib import Path

from pulumi.automation.errors import CommandError

from examples.demo import engine, story
from examples.demo.screen import Screen
from examples.demo.stage import Stage
from parallel_provider.testing.emulator import Emulator

# Settings of the user (an account, a backend, a proxy) that the demo must not use.
_FOREIGN = ("PARALLEL_", "PULUMI_")
_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "GRPC_PROXY")

_BALANCE_CENTS = 2_500
_FAILED, _UNUSABLE, _INTERRUPTED = 1, 2, 130


def main() -> int:
    """Run the demo and return its exit code; SIGINT ends it early.

    The arguments are those of `__main__`.
    """
    for name in list(os.environ):
        if name.startswith(_FOREIGN) or name.upper() in _PROXIES:
            del os.environ[name]
    # A pipe's encoding may have no ellipsis character.
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")
    chosen, picture = [*sys.argv[1:], "", ""][:2]
    screen = Screen(Path(picture) if picture else None)
    try:
        with tempfile.TemporaryDirectory(prefix="parallel-demo-") as folder:
            # What the providers note about a run stands in the folder for temporary files.
            os.environ["TMPDIR"] = folder
            _run(engine.choose(chosen, Path(folder)), screen)
    except engine.UnusableEngine as unusable:
        screen.failure(str(unusable))
        return _UNUSABLE
    except CommandError as failure:
        screen.failure(str(failure))
        return _FAILED
    except KeyboardInterrupt:
        screen.stopped()
        return _INTERRUPTED
    return 0


def _run(chosen: engine.Engine, screen: Screen) -> None:
    started = time.monotonic()
    screen.opening(chosen.title, chosen.note)
    with Emulator() as emulator:
        # From here on, an interrupt is safe: everything that must be cleaned up is known.
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
        emulator.set_org(credit_balance_cents=_BALANCE_CENTS)
        stack = engine.open_stack(chosen, emulator.environment)
        yaml_stack = engine.open_yaml_stack(chosen, emulator.environment)
        yaml_stage = Stage(yaml_stack, emulator, screen) if yaml_stack is not None else None
        story.tell(Stage(stack, emulator, screen), yaml_stage)
        screen.closing(len(emulator.state()["log"]), time.monotonic() - started)


if __name__ == "__main__":
    sys.exit(main())
