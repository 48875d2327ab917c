"""Run a command that a user configured, without a shell, and limited in time and output."""

from __future__ import annotations

import contextlib
import os
import shlex
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import IO, TypeVar

from parallel_provider.errors import CommandError, SettingsError
from parallel_provider.printable import MASK, masked, masked_setting, printable
from parallel_provider.settings import SECRET_VARIABLES

T = TypeVar("T")

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
    try:
        process = _start(command, variables or {})
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it holds a zero byte"
        raise CommandError(f"{command} can't be started: {reason}") from None
    messages = _Messages(show, secrets)
    too_much = threading.Event()
    output = bytearray()

    def keep(chunk: bytes) -> None:
        output.extend(chunk[: MAX_OUTPUT + 1 - len(output)])
        if len(output) > MAX_OUTPUT and not too_much.is_set():
            too_much.set()
            _kill_group(process)

    readers = [
        _in_background(_write_all, process.stdin, standard_input),
        _in_background(_read_all, process.stdout, keep),
        _in_background(_read_all, process.stderr, messages.add),
    ]
    try:
        process.wait(seconds)
        for reader in readers:
            reader.join(_SECONDS_AFTER_END)
    except subprocess.TimeoutExpired:
        raise CommandError(f"{command} took longer than {seconds:.0f} seconds") from None
    finally:
        _kill_group(process)
        process.wait()
        for reader in readers:
            reader.join(_SECONDS_AFTER_END)
        messages.finish()
    if too_much.is_set():
        raise CommandError(f"{command} printed more than {MAX_OUTPUT} bytes, and was ended")
    if process.returncode != 0:
        reason = f": {messages.last}" if messages.last else ""
        raise CommandError(f"{command} failed (exit code {process.returncode}){reason}")
    return bytes(output)


def _start(command: Command, variables: Mapping[str, str]) -> subprocess.Popen[bytes]:
    # In a session of its own, the command and its processes are one group that can be ended.
    return subprocess.Popen(  # noqa: S603 (the user configured it, and there is no shell)
        command.arguments,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**environment_for_commands(os.environ), **variables},
        start_new_session=True,
    )


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    if sys.platform == "win32":
        process.kill()
    else:
        # The group may exist longer than the command: until its last process ends.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)


def _in_background(
    work: Callable[[IO[bytes], T], None], stream: IO[bytes] | None, argument: T
) -> threading.Thread:
    if stream is None:
        raise AssertionError("every stream of a command is a pipe")
    # A daemon thread: a process that left the group may keep the pipe open for ever.
    thread = threading.Thread(target=work, args=(stream, argument), daemon=True)
    thread.start()
    return thread


def _write_all(stream: IO[bytes], content: bytes) -> None:
    with contextlib.suppress(OSError), stream:  # the command may end without reading its input
        stream.write(content)


def _read_all(stream: IO[bytes], use: Callable[[bytes], None]) -> None:
    with stream:
        while chunk := os.read(stream.fileno(), _CHUNK):
            use(chunk)


class _Messages:
    """Shows a command's standard error to the user: whole lines, limited, with secrets masked."""

    def __init__(self, show: Callable[[str], None], secrets: Sequence[str]) -> None:
        self._show = show
        self._secrets = secrets
        self._rest = b""
        self._bytes_left = MAX_MESSAGES
        self.last = ""

    def add(self, chunk: bytes) -> None:
        """Take the next bytes. Beyond the limit they are dropped."""
        if self._bytes_left <= 0:
            return
        chunk = chunk[: self._bytes_left]
        self._bytes_left -= len(chunk)
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        for line in lines:
            self._show_line(line)
        if self._bytes_left <= 0:
            self._rest = b""
            self._show("… (the rest of its messages is left out)")

    def finish(self) -> None:
        """Show an unfinished last line."""
        rest, self._rest = self._rest, b""
        self._show_line(rest)

    def _show_line(self, line: bytes) -> None:
        # Masking comes first: half a token isn't recognised.
        text = printable(masked(line.decode(errors="replace"), *self._secrets), limit=1000)
        if text:
            self.last = printable(text)
            self._show(text)


def show_on_standard_error(line: str) -> None:
    """Show a command's message to the user."""
    if sys.stderr is None:  # it is closed, and `print` would write to standard output instead
        return
    print(line, file=sys.stderr, flush=True)  # noqa: T201 (it is for the user)
