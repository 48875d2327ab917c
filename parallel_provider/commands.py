"""Run a command that a user configured, without a shell, and limited in time and output."""

from __future__ import annotations

import contextlib
import os
import shlex
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import IO

from parallel_provider.errors import CommandError, SettingsError
from parallel_provider.printable import MASK, line_for_user, masked, masked_setting, printable
from parallel_provider.settings import SECRET_VARIABLES

COMMAND_SECONDS = 60.0
MAX_OUTPUT = 64 * 1024
MAX_MESSAGES = 64 * 1024
# How long to read on after the command has ended: a process that it started may still write.
_SECONDS_AFTER_END = 1.0
_CHUNK = 4096
# A command doesn't get these. Otherwise `parallel-provider token`, set as the token command, would
# call itself without end. Pulumi puts the decrypted configuration into the last two.
_KEPT_BACK = (*SECRET_VARIABLES, "PULUMI_CONFIG", "PULUMI_CONFIG_SECRET_KEYS")


@dataclass(frozen=True)
class Command:
    """A configured command. `origin` is the name of its setting."""

    arguments: tuple[str, ...]
    origin: str

    @classmethod
    def parse(cls, text: str, origin: str) -> Command:
        """Split the text of a setting as a shell does. Raises SettingsError."""
        try:
            arguments = tuple(shlex.split(text))
        except ValueError as error:
            raise SettingsError(f"{origin} can't be split into arguments: {error}") from None
        if not arguments or not arguments[0]:
            raise SettingsError(f"{origin} names no command")
        return cls(arguments, origin)

    def __str__(self) -> str:
        # The other arguments aren't shown: one of them may be a password. A token that was pasted
        # into the setting with white space in it is several arguments.
        if masked_setting(" ".join(self.arguments)) == MASK:
            return f"the command of {self.origin} ({MASK}: it looks like a token)"
        return f"the command {self.arguments[0]!r} of {self.origin}"


def environment_for_commands(environ: Mapping[str, str]) -> dict[str, str]:
    """Return `environ` without the variables that give a secret to this package or to Pulumi."""
    return {name: value for name, value in environ.items() if name not in _KEPT_BACK}


def run_command(
    command: Command,
    *,
    standard_input: bytes = b"",
    show: Callable[[str], None],
    secrets: Sequence[str] = (),
    variables: Mapping[str, str] | None = None,
    seconds: float = COMMAND_SECONDS,
) -> bytes:
    """Run the command and return its standard output.

    The command runs in this process's folder, which is the program's. It gets this process's
    environment without tokens and configuration, and `variables`. `show` gets
    each line of its standard error, with `secrets` and all tokens masked. The processes that it
    has started end with it. Raises CommandError if it fails, takes longer than `seconds`, or prints
    more than `MAX_OUTPUT` bytes.
    """
    process = _start(command, variables or {})
    output = bytearray()
    shown: list[str] = []

    def write_input(stream: IO[bytes]) -> None:
        stream.write(standard_input)

    def read_output(stream: IO[bytes]) -> None:
        while chunk := os.read(stream.fileno(), _CHUNK):
            output.extend(chunk)
            if len(output) > MAX_OUTPUT:
                _kill_group(process)
                return

    def show_messages(stream: IO[bytes]) -> None:
        for text in _messages(stream, secrets):
            shown.append(text)
            show(text)

    streams = (
        (process.stdin, write_input),
        (process.stdout, read_output),
        (process.stderr, show_messages),
    )
    threads = [_in_background(work, stream) for stream, work in streams if stream is not None]
    try:
        process.wait(seconds)
        _join(threads)
    except subprocess.TimeoutExpired:
        raise CommandError(f"{command} took longer than {seconds:.0f} seconds") from None
    finally:
        _kill_group(process)
        process.wait()
        _join(threads)
    if len(output) > MAX_OUTPUT:
        raise CommandError(f"{command} printed more than {MAX_OUTPUT} bytes, and was ended")
    if process.returncode != 0:
        reason = f": {printable(shown[-1])}" if shown else ""
        raise CommandError(f"{command} failed (exit code {process.returncode}){reason}")
    return bytes(output)


def _start(command: Command, variables: Mapping[str, str]) -> subprocess.Popen[bytes]:
    try:
        # In a session of its own, the command and its processes are one group that can be ended.
        return subprocess.Popen(  # noqa: S603 (the user configured it, and there is no shell)
            command.arguments,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**environment_for_commands(os.environ), **variables},
            start_new_session=True,
        )
    except (OSError, ValueError) as error:  # a ValueError for a zero byte in an argument
        reason = error.strerror if isinstance(error, OSError) else error
        raise CommandError(f"{command} can't be started: {reason}") from None


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    # The group may exist longer than the command: until its last process ends.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)


def _in_background(work: Callable[[IO[bytes]], None], stream: IO[bytes]) -> threading.Thread:
    def run() -> None:
        with contextlib.suppress(OSError), stream:  # the command may end without reading its input
            work(stream)

    # A daemon thread: a process that left the group may keep the pipe open for ever.
    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    return thread


def _join(threads: Sequence[threading.Thread]) -> None:
    for thread in threads:
        thread.join(_SECONDS_AFTER_END)


def _messages(stream: IO[bytes], secrets: Sequence[str]) -> Iterator[str]:
    """Yield a command's messages: whole lines, limited, with secrets masked."""
    bytes_left = MAX_MESSAGES
    while line := stream.readline(bytes_left):
        bytes_left -= len(line)
        if bytes_left <= 0:
            yield "… (the rest of its messages is left out)"
            break
        # Masking comes first: half a token isn't recognised.
        text = printable(masked(line.decode(errors="replace"), *secrets), limit=1000)
        if text:
            yield text
    while stream.read(_CHUNK):  # a full pipe would stop the command
        pass


def show_on_standard_error(line: str) -> None:
    """Show a command's message to the user."""
    if sys.stderr is None:  # it is closed, and `print` would write to standard output instead
        return
    print(line_for_user(line), file=sys.stderr, flush=True)  # noqa: T201 (it is for the user)
