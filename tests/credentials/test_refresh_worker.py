"""Many programs that need a token at once, and programs that are killed during a refresh."""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import subprocess
import sys
import threading
import time
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext, ForkServerProcess
from multiprocessing.synchronize import Barrier
from pathlib import Path

import pytest

from parallel_provider.commands import COMMAND_SECONDS
from parallel_provider.credentials.oauth import REQUEST_SECONDS, SignInServer
from parallel_provider.credentials.refresh import (
    ATTEMPTS,
    LONGEST_WAIT_SECONDS,
    OTHER_PROGRAM_SECONDS,
    Refresh,
)
from parallel_provider.credentials.sign_in_file import LOCK_SECONDS, SignInFile
from parallel_provider.credentials.stored_sign_in import WORKER_SECONDS, StoredSignIn
from tests.credentials.sign_ins import SignIn

PROCESSES = 16
KILLS = 100
TOKEN = "/getServiceKeys/token"


def want_token(
    path: Path, org_id: str, url: str, connection: Connection, barrier: Barrier | None
) -> None:
    """Get a token, and send its fingerprint over the connection."""
    source = StoredSignIn(SignInFile(path), org_id, url)
    if barrier is not None:
        barrier.wait(30)
    connection.send(source.get().fingerprint)


class Programs:
    """Starts programs that need a token from one sign-in."""

    def __init__(self, signed_in: SignIn, context: ForkServerContext) -> None:
        self._signed_in = signed_in
        self._context = context

    def start(self, barrier: Barrier | None = None) -> tuple[ForkServerProcess, Connection]:
        """Start a program; it sends its fingerprint over the connection."""
        receiver, sender = self._context.Pipe(duplex=False)
        org_id = self._signed_in.emulator.org_id
        arguments = (self._signed_in.path, org_id, self._signed_in.emulator.url, sender, barrier)
        process = self._context.Process(target=want_token, args=arguments)
        process.start()
        sender.close()
        return process, receiver

    def barrier(self, parties: int) -> Barrier:
        """Return a barrier that lets programs start at the same moment."""
        return self._context.Barrier(parties)


@pytest.fixture
def programs(signed_in: SignIn) -> Programs:
    """Give programs that start fast, because their modules are imported already."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__, "parallel_provider.credentials.stored_sign_in"])
    return Programs(signed_in, context)


def wait_until_refreshed(signed_in: SignIn) -> None:
    """Wait until no refresh is going on: each one holds the file's lock."""
    with SignInFile(signed_in.path).locked():
        pass


def assert_sign_in_works(signed_in: SignIn) -> None:
    """Show that the stored refresh token is the server's newest, by using it."""
    stale = StoredSignIn(SignInFile(signed_in.path), signed_in.emulator.org_id, "").get()
    with SignInServer(signed_in.emulator.url) as server:
        refresh = Refresh(SignInFile(signed_in.path), signed_in.emulator.org_id, server)
        refresh.ensure_token_other_than(stale.fingerprint)


def test_sixteen_processes_cause_one_refresh(signed_in: SignIn, programs: Programs) -> None:
    """All get the same new token, and the server sees one request."""
    signed_in.expire()
    before = signed_in.refreshes
    barrier = programs.barrier(PROCESSES)
    running = [programs.start(barrier) for _ in range(PROCESSES)]
    reports = {receiver.recv() for _, receiver in running}
    for process, _ in running:
        process.join(30)
        assert process.exitcode == 0
    assert len(reports) == 1
    assert signed_in.refreshes == before + 1


def test_sixteen_processes_survive_a_kill_inside_the_refresh(
    signed_in: SignIn, programs: Programs
) -> None:
    """If the program that started a refresh is killed, the refresh is finished all the same."""
    emulator = signed_in.emulator
    signed_in.expire()
    before = signed_in.refreshes
    emulator.add_fault("delay", path=TOKEN, seconds=1.0)
    first, first_receiver = programs.start()
    while signed_in.refreshes == before:
        time.sleep(0.01)  # the server counts a request when it comes, and doesn't tell this test
    first.kill()
    first.join(30)
    running = [programs.start() for _ in range(PROCESSES - 1)]
    assert first.exitcode == -signal.SIGKILL
    with pytest.raises(EOFError):
        first_receiver.recv()
    assert len({receiver.recv() for _, receiver in running}) == 1
    for process, _ in running:
        process.join(30)
        assert process.exitcode == 0
    assert signed_in.refreshes == before + 1
    assert_sign_in_works(signed_in)


@pytest.mark.parametrize("signal_name", ["SIGINT", "SIGTERM", "SIGHUP", "SIGKILL"])
def test_refresh_outlives_the_end_of_its_process_group(signed_in: SignIn, signal_name: str) -> None:
    """The new pair is stored after Ctrl-C, a closed terminal, or a kill."""
    signed_in.expire()
    before = signed_in.refreshes
    old = signed_in.tokens["refresh_token"]
    signed_in.emulator.add_fault("delay", path=TOKEN, seconds=0.5)
    program = subprocess.Popen(
        [sys.executable, "-m", "parallel_provider.cli", "token"],
        env=signed_in.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    while signed_in.refreshes == before:
        time.sleep(0.01)
    os.killpg(program.pid, signal.Signals[signal_name])
    output, errors = program.communicate(timeout=30)
    wait_until_refreshed(signed_in)
    assert output == b""
    assert signed_in.tokens["refresh_token"] != old
    assert_sign_in_works(signed_in)
    signed_in.assert_no_secret_in(errors.decode())


def test_no_process_of_a_refresh_shows_a_token(signed_in: SignIn) -> None:
    """Every user can read arguments, and the same user environments. Neither holds a secret."""
    signed_in.expire()
    before = signed_in.refreshes
    signed_in.emulator.add_fault("delay", path=TOKEN, seconds=0.5)
    source = StoredSignIn(
        SignInFile(signed_in.path), signed_in.emulator.org_id, signed_in.emulator.url
    )
    thread = threading.Thread(target=source.get)
    thread.start()
    while signed_in.refreshes == before:
        time.sleep(0.01)
    workers = 0
    for process in Path("/proc").glob("[0-9]*"):
        try:
            shown = (process / "cmdline").read_bytes() + (process / "environ").read_bytes()
            parent = int((process / "stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue  # the process has ended, or belongs to another user
        workers += parent == os.getpid() and b"credentials.refresh import main" in shown
        signed_in.assert_no_secret_in(shown.decode(errors="replace"))
    thread.join()
    assert workers == 1


@pytest.mark.slow
def test_hundred_kills_never_lose_the_sign_in(signed_in: SignIn, programs: Programs) -> None:
    """Whenever a program is killed, the stored pair is complete, and the server's newest."""
    chance = random.Random(20261123)  # noqa: S311 (the same kills in every run)
    finished = refreshed = 0
    signed_in.emulator.set_settings(latency_seconds=0.02)
    for _ in range(KILLS):
        with SignInFile(signed_in.path).locked():
            # The refresh of an earlier round may not have written its result yet.
            signed_in.expire()
        before = signed_in.refreshes
        old = signed_in.tokens["refresh_token"]
        process, receiver = programs.start()
        process.join(chance.uniform(0, 0.5))
        finished += process.exitcode is not None
        process.kill()
        process.join(30)
        receiver.close()
        wait_until_refreshed(signed_in)
        refreshed += signed_in.refreshes > before
        if signed_in.tokens["refresh_token"] != old:
            assert_sign_in_works(signed_in)
    assert_sign_in_works(signed_in)
    # Some kills must have hit during a refresh. Without them, this test shows nothing.
    assert refreshed - finished >= 5, (refreshed, finished)


def test_who_waits_for_a_refresh_waits_longer_than_it_can_take() -> None:
    """Otherwise the second process of a pipeline with a slow secret store fails."""
    requests = ATTEMPTS * REQUEST_SECONDS + (ATTEMPTS - 1) * LONGEST_WAIT_SECONDS
    refresh = requests + OTHER_PROGRAM_SECONDS + 2 * COMMAND_SECONDS
    assert refresh < LOCK_SECONDS
    assert LOCK_SECONDS + refresh < WORKER_SECONDS
