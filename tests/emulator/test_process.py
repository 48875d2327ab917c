"""The emulator as a process: how it starts, what it prints, and how it ends."""

from __future__ import annotations

import contextlib
import json
import signal
import socket
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from parallel_provider.testing.emulator import Emulator

COMMAND = [sys.executable, "-m", "parallel_provider.emulator"]


def _run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *arguments], capture_output=True, text=True, timeout=30, check=False
    )


@pytest.fixture
def started() -> Iterator[subprocess.Popen[str]]:
    """Start the emulator as a person would, on a free port."""
    with subprocess.Popen(
        [*COMMAND, "--port", "0"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        yield process
        process.kill()


def _exported_variables(process: subprocess.Popen[str]) -> dict[str, str]:
    """Return the variables of the lines that it prints."""
    variables = {}
    assert process.stdout is not None
    for line in process.stdout:
        assert line.startswith(("# ", "export ")), "this line is no shell command"
        if line.startswith("export "):
            name, _, value = line.removeprefix("export ").strip().partition("=")
            variables[name] = value
        if "PARALLEL_ACCESS_TOKEN" in variables:
            break
    return variables


def test_printed_variables_point_programs_to_it(started: subprocess.Popen[str]) -> None:
    """A program with the three variables can use it."""
    said = _exported_variables(started)
    assert said["PARALLEL_SERVICE_API_URL"] == said["PARALLEL_PLATFORM_URL"]
    headers = {"Authorization": f"Bearer {said['PARALLEL_ACCESS_TOKEN']}"}
    answer = httpx.get(f"{said['PARALLEL_SERVICE_API_URL']}/service/v1/apps", headers=headers)
    assert answer.status_code == 200


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signal_ends_it_cleanly(started: subprocess.Popen[str], number: signal.Signals) -> None:
    """Exit code 0, and nothing on standard error."""
    _exported_variables(started)
    started.send_signal(number)
    _, said = started.communicate(timeout=10)
    assert (started.returncode, said) == (0, "")


def test_signal_ends_it_with_requests_hanging(started: subprocess.Popen[str]) -> None:
    """Hanging and delayed answers don't delay its end, and print nothing."""
    url = _exported_variables(started)["PARALLEL_SERVICE_API_URL"]
    with httpx.Client(base_url=url, timeout=30, trust_env=False) as http:
        for fault in ("hang", "delay"):
            body = {"kind": fault, "seconds": 60, "times": 2}
            http.post("/_emulator/faults", json=body).raise_for_status()

        def ask() -> None:
            # A delayed answer is sent at the end, a hanging one never: both are fine.
            with contextlib.suppress(httpx.TransportError):
                http.get("/service/v1/apps")

        asking = [threading.Thread(target=ask) for _ in range(4)]
        for thread in asking:
            thread.start()
        while len(http.get("/_emulator/state").json()["log"]) < len(asking):
            pass
        started.send_signal(signal.SIGTERM)
        for thread in asking:
            thread.join()
    _, said = started.communicate(timeout=10)
    assert (started.returncode, said) == (0, "")


def test_new_emulator_finds_no_leak_where_there_is_none() -> None:
    """Also before the first reset."""
    with Emulator() as emulator:
        assert emulator.leaks_in("nothing secret") == []
        assert emulator.leaks_in(emulator.access_token) == ["access_token"]


def test_ready_file_is_complete_and_private(tmp_path: Path) -> None:
    """It appears as a whole, and only its owner can read it, as it holds a token."""
    ready_file = tmp_path / "ready.json"
    with subprocess.Popen(
        [*COMMAND, "--port", "0", "--ready-file", str(ready_file)],
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        said = _exported_variables(process)
        ready = json.loads(ready_file.read_text())
        process.terminate()
    assert ready == {
        "url": said["PARALLEL_SERVICE_API_URL"],
        "access_token": said["PARALLEL_ACCESS_TOKEN"],
        "org_id": ready["org_id"],
        "pid": process.pid,
    }
    assert stat.S_IMODE(ready_file.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [ready_file]


def test_option_that_cannot_be_used_is_one_line(emulator: Emulator, tmp_path: Path) -> None:
    """It says what to do, and the exit code is 2."""
    port = emulator.url.rpartition(":")[2]
    for options, says in (
        (["--host", "0.0.0.0", "--port", "0"], "loopback"),  # noqa: S104 - what is refused
        (["--host", "example.com", "--port", "0"], "loopback"),
        (["--port", port], f"127.0.0.1:{port}"),
        (["--port", "0", "--ready-file", str(tmp_path / "missing" / "ready.json")], "ready"),
    ):
        refused = _run(*options)
        assert refused.returncode == 2
        assert says in refused.stderr
        assert len(refused.stderr.strip().splitlines()) == 1


def _has_ipv6_loopback() -> bool:
    with socket.socket(socket.AF_INET6) as probe, contextlib.suppress(OSError):
        probe.bind(("::1", 0))
        return True
    return False


@pytest.mark.skipif(
    not (socket.has_ipv6 and _has_ipv6_loopback()), reason="this machine has no IPv6"
)
def test_loopback_of_ipv6_is_served() -> None:
    """`::1` works too, and is written with brackets in the URL."""
    with Emulator("--host", "::1") as emulator:
        assert emulator.url.startswith("http://[::1]:")
        assert emulator.state()["org"]["org_id"] == emulator.org_id


@pytest.mark.parametrize("missing", ["fastapi", "uvicorn"])
def test_missing_extra_is_named(missing: str) -> None:
    """Without the extra, the command says what to install."""
    program = (
        f"import sys; sys.modules[{missing!r}] = None\n"
        "from parallel_provider.emulator.__main__ import emulator; emulator(['--port', '0'])"
    )
    refused = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=False
    )
    assert refused.returncode == 1
    assert "pip install fastapi uvicorn" in refused.stderr
    assert len(refused.stderr.strip().splitlines()) == 1


def test_options_set_how_it_behaves() -> None:
    """Every option of the command reaches the server."""
    with Emulator("--auto-approve", "--latency", "0.01", "--token-lifetime", "2") as emulator:
        settings = emulator.state()["settings"]
    assert settings["auto_approve"] is True
    assert settings["latency_seconds"] == 0.01
    assert settings["token_lifetime_seconds"] == 2


def test_it_ends_with_the_process_that_started_it() -> None:
    """Also when that process is killed and can't clean up."""
    program = (
        "import os, signal\n"
        "from parallel_provider.testing.emulator import Emulator\n"
        "with Emulator() as emulator:\n"
        "    print(emulator.url, flush=True)\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    killed = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=False
    )
    assert killed.returncode == -signal.SIGKILL
    # The emulator has the same standard error, so `run` has waited for both to end.
    with pytest.raises(httpx.ConnectError):
        httpx.get(killed.stdout.strip(), trust_env=False)


def test_emulator_that_cannot_start_is_an_error() -> None:
    """`Emulator` raises an error instead of waiting."""
    with pytest.raises(RuntimeError, match="didn't start"), Emulator("--host", "192.0.2.1"):
        pytest.fail("it started")


def test_package_is_imported_without_the_servers_dependencies() -> None:
    """The command and the control models don't import FastAPI and uvicorn."""
    program = (
        "import sys; import parallel_provider.emulator.__main__\n"
        "import parallel_provider.emulator.control_models\n"
        "print([name for name in ('fastapi', 'starlette', 'uvicorn') if name in sys.modules])"
    )
    imported = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=True
    )
    assert imported.stdout.strip() == "[]"
