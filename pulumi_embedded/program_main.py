"""Run a Pulumi program with a monitor and an engine, as `pulumi-language-python-exec` does.

    python program_main.py SETTINGS PROGRAM

SETTINGS is JSON for `pulumi.runtime.Settings`. The configuration is in the environment.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import runpy
import sys
import traceback
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pulumi
import pulumi.runtime
from pulumi.runtime.proto import engine_pb2

# Exit code: the error was printed already.
_EXIT_SHOWN = 32
_EXIT_FAILED = 1
_THREADS_PER_OPERATION = 4


class _Refusals:
    """Refuses unsupported resources when the program constructs them.

    At that time the SDK has sent nothing that the program's own lines construct, so nothing was
    done. Resources that are constructed later are refused by the engine.
    """

    def __init__(self, settings: dict[str, Any]) -> None:
        self._of_all: dict[str, str] = settings["of_all"]
        self._of_dynamic: dict[str, str] = settings["of_dynamic"]
        self._packages: list[str] = settings["packages"]
        self._dynamic_package: str = settings["dynamic_package"]
        self._unknown_package: str = settings["unknown_package"]

    def check(self, args: pulumi.ResourceTransformationArgs) -> None:
        """End the program if a resource isn't supported."""
        self._check_options(args, self._of_all)
        if not isinstance(args.resource, pulumi.CustomResource):
            return
        package = args.type_.removeprefix("pulumi:providers:").partition(":")[0]
        if package == self._dynamic_package:
            self._check_options(args, self._of_dynamic)
        elif package not in self._packages:
            self._refuse(args, self._unknown_package.replace("{package}", package))

    def _check_options(
        self, args: pulumi.ResourceTransformationArgs, refused: dict[str, str]
    ) -> None:
        for option, text in refused.items():
            if getattr(args.opts, option, None):
                self._refuse(args, text)

    def _refuse(self, args: pulumi.ResourceTransformationArgs, text: str) -> None:
        message = text.replace("{name}", args.name)
        request = engine_pb2.LogRequest(severity=engine_pb2.ERROR, message=message)
        engine = pulumi.runtime.settings.get_engine()
        if engine is not None:
            engine.Log(request)
        sys.stdout.flush()
        sys.stderr.flush()
        # An exception would not do: the SDK would still register the resources before this one.
        os._exit(_EXIT_SHOWN)


def _user_traceback(program: Path) -> str:
    """Format the current exception, without the frames above the user's program."""
    frames = traceback.extract_tb(sys.exc_info()[2])
    for index, frame in enumerate(frames):
        if frame.filename.startswith(str(program)):
            return traceback.format_exc(limit=index - len(frames))
    return traceback.format_exc()


def _run(settings: dict[str, Any], program: Path) -> int:
    refusals = _Refusals(settings.pop("refusals"))
    config = pulumi.runtime.get_config_env()
    pulumi.runtime.set_all_config(config, pulumi.runtime.get_config_secret_keys_env())
    pulumi.runtime.configure(pulumi.runtime.Settings(**settings))
    # When a program fails, asyncio warns about tasks that never finished. That is expected.
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    workers = ThreadPoolExecutor(max_workers=settings["parallel"] * _THREADS_PER_OPERATION)
    loop.set_default_executor(workers)

    # Run the file, not its folder. For a folder, Python would cache the compiled program and use
    # it again after a test has rewritten the file within the same second.
    main = program / "__main__.py" if program.is_dir() else program

    def run_program() -> None:
        pulumi.runtime.register_stack_transformation(refusals.check)
        runpy.run_path(str(main), run_name="__main__")

    try:
        loop.run_until_complete(pulumi.runtime.run_in_stack(run_program))
    except pulumi.RunError as error:
        pulumi.log.error(str(error))
        return _EXIT_FAILED
    except Exception:  # noqa: BLE001 - any exception of the program is reported to its user
        trace = _user_traceback(program)
        pulumi.log.error(f"Program failed with an unhandled exception:\n{trace}")
        return _EXIT_SHOWN
    finally:
        workers.shutdown(wait=True)
        loop.close()
        sys.stdout.flush()
        sys.stderr.flush()
    return 0


if __name__ == "__main__":
    _settings, _program = json.loads(sys.argv[1]), Path(sys.argv[2])
    del sys.argv[1:]
    sys.exit(_run(_settings, _program))
