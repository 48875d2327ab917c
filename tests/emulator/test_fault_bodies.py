"""Faults of bodies: too slow, without an end, huge once decompressed, and with odd values."""

from __future__ import annotations

import json
import math
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from parallel_provider.emulator.control_models import FaultKind
from parallel_provider.testing.emulator import Emulator

APPS = "/service/v1/apps"
BALANCE = "/service/v1/balance"
MIB = 1 << 20


def _created(emulator: Emulator) -> int:
    return len(emulator.state()["apps"]) - 1


def _memory_of(emulator: Emulator) -> int:
    """Return the emulator's resident memory in bytes."""
    status = Path(f"/proc/{emulator.pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) * 1024


@pytest.fixture
def stream(http: httpx.Client) -> Callable[..., Any]:
    """Create an app, and give its answer before its body is read."""
    return lambda: http.stream("POST", APPS, json={"app_name": "search"}, timeout=5)


def test_dripping_answer_comes_byte_by_byte(stream: Callable[..., Any], emulator: Emulator) -> None:
    """The work is done, then the answer and spaces come one byte at a time."""
    emulator.add_fault("drip", path=APPS, seconds=0.01)
    with stream() as answer:
        pieces: Iterator[bytes] = answer.iter_raw()
        received = [next(pieces) for _ in range(60)]
        assert _created(emulator) == 1
        assert "content-length" not in answer.headers
    assert {len(piece) for piece in received} == {1}
    assert json.loads(b"".join(received)) == {"app_id": emulator.state()["apps"][1]["app_id"]}


@pytest.mark.parametrize("kind", ["drip", "endless"])
def test_body_without_end_ends_when_the_client_goes(
    stream: Callable[..., Any], emulator: Emulator, kind: FaultKind
) -> None:
    """The work of each request is done, and the emulator answers the next one."""
    emulator.add_fault(kind, path=APPS, seconds=0.01)
    with stream() as answer:
        next(answer.iter_raw())
    with stream() as answer:
        assert answer.status_code == 200
    assert _created(emulator) == 2


def test_endless_body_breaks_at_its_limit(stream: Callable[..., Any], emulator: Emulator) -> None:
    """It begins with the real answer. At the limit the connection breaks, without a proper end."""
    emulator.add_fault("endless", path=APPS, size_bytes=8 * MIB)
    received = bytearray()
    with stream() as answer:
        pieces = map(received.extend, answer.iter_raw())
        with pytest.raises(httpx.RemoteProtocolError):
            list(pieces)
    assert len(received) == 8 * MIB
    assert set(json.loads(bytes(received))) == {"app_id"}


@pytest.mark.parametrize("kind", ["drip", "endless"])
def test_emulator_ends_in_the_middle_of_a_body(kind: FaultKind) -> None:
    """A body without an end doesn't delay the emulator's end."""
    with Emulator() as emulator:
        emulator.add_fault(kind, seconds=60)
        with httpx.Client(base_url=emulator.url, trust_env=False) as client:
            begun = threading.Event()

            def read() -> None:
                with client.stream("GET", APPS) as answer:
                    for _ in answer.iter_raw():
                        begun.set()

            def read_until_it_breaks() -> None:
                with pytest.raises(httpx.TransportError):
                    read()

            reader = threading.Thread(target=read_until_it_breaks)
            reader.start()
            assert begun.wait(10)
            started = time.monotonic()
            emulator.__exit__(None, None, None)
            reader.join(10)
            assert not reader.is_alive()
            assert time.monotonic() - started < 5


def test_gzip_bomb_is_small_on_the_wire(stream: Callable[..., Any], emulator: Emulator) -> None:
    """It is valid gzip; only its decompressed size is large."""
    before = _memory_of(emulator)
    emulator.add_fault("gzip_bomb", path=APPS, size_bytes=200 * MIB)
    with stream() as answer:
        assert (answer.status_code, answer.headers["content-encoding"]) == (200, "gzip")
        raw = b"".join(answer.iter_raw())
    assert len(raw) == int(answer.headers["content-length"]) < MIB
    decoder, decoded = zlib.decompressobj(wbits=31), 0
    data = raw
    while data:
        decoded += len(decoder.decompress(data, MIB))
        data = decoder.unconsumed_tail
    assert (decoded, decoder.eof) == (200 * MIB, True)
    assert _created(emulator) == 1
    assert _memory_of(emulator) - before < 8 * MIB


@pytest.mark.parametrize(
    ("text", "is_as_asked"),
    [
        ("NaN", math.isnan),
        ("-Infinity", lambda value: value == -math.inf),
        ("1" + "0" * 399, lambda value: value == 10**399),
        ("1e999", lambda value: value == math.inf),
        ('"\\ud800"', lambda value: value == "\ud800"),
        ("null", lambda value: value is None),
        ('{"a": [1]}', lambda value: value == {"a": [1]}),
    ],
)
def test_odd_value_stands_in_the_real_answer(
    http: httpx.Client, emulator: Emulator, text: str, is_as_asked: Callable[[Any], bool]
) -> None:
    """The value is sent exactly as given, and the other fields stay."""
    emulator.add_fault("odd", path=BALANCE, replace={"credit_balance_cents": text})
    answer = http.get(BALANCE)
    assert answer.status_code == 200
    assert f'"credit_balance_cents": {text}' in answer.text
    balance = answer.json()
    assert is_as_asked(balance["credit_balance_cents"])
    assert balance["org_id"] == emulator.org_id


@pytest.mark.parametrize("digits", [5_000, 100_000])
def test_odd_number_may_be_longer_than_python_reads(
    http: httpx.Client, emulator: Emulator, digits: int
) -> None:
    """Very long numbers and very deep nesting are sent, although Python can't read them."""
    emulator.add_fault("odd", path=BALANCE, replace={"credit_balance_cents": "9" * digits})
    assert "9" * digits in http.get(BALANCE).text
    nested = "[" * digits + "]" * digits
    emulator.add_fault("odd", path=BALANCE, replace={"credit_balance_cents": nested})
    assert nested in http.get(BALANCE).text


def test_odd_answer_comes_after_the_work(
    http: httpx.Client, emulator: Emulator, app_id: str
) -> None:
    """The key exists, whatever the answer says. Fields can be added and removed, too."""
    emulator.add_fault(
        "odd",
        path="/service/v1/apps/{app_id}/keys",
        replace={"created_at": '"soon"', "api_key_id": '".."', "more": "{}"},
        remove=["raw_api_key"],
    )
    answer = http.post(f"{APPS}/{app_id}/keys", json={"api_key_name": "ci"}).json()
    [key] = emulator.state()["keys"]
    assert key["revoked_at"] is None
    assert (answer["api_key_name"], answer["created_at"]) == ("ci", "soon")
    assert (answer["api_key_id"], answer["more"]) == ("..", {})
    assert "raw_api_key" not in answer


def test_odd_values_reach_into_lists(http: httpx.Client, emulator: Emulator, app_id: str) -> None:
    """A path can name one item, each item, or the whole body."""
    emulator.add_fault("odd", path=APPS, replace={"apps.1.app_name": "null"})
    emulator.add_fault("odd", path=APPS, replace={"apps.*.org_id": "7"}, remove=["apps.*.app_name"])
    emulator.add_fault("odd", path=APPS, remove=["apps.*"])
    emulator.add_fault("odd", path=APPS, replace={"": "[]"})
    first, second, third, fourth = (http.get(APPS).json() for _ in range(4))
    assert [app["app_name"] for app in first["apps"]] == ["parallel-cli Users", None]
    assert [app["org_id"] for app in second["apps"]] == [7, 7]
    assert [app["app_id"] for app in second["apps"]][1] == app_id
    assert all("app_name" not in app for app in second["apps"])
    assert (third, fourth) == ({"apps": []}, [])


@pytest.mark.parametrize(
    ("replace", "remove"),
    [
        ({"balance.cents": "1"}, []),
        ({"org_id.first": "1"}, []),
        ({"org_id.0": "1"}, []),
        ({}, ["org_name"]),
    ],
)
def test_field_that_is_not_there_is_an_error(
    http: httpx.Client, emulator: Emulator, replace: dict[str, str], remove: list[str]
) -> None:
    """A misspelt field would make a test that tests nothing."""
    emulator.add_fault("odd", path=BALANCE, replace=replace, remove=remove)
    answer = http.get(BALANCE)
    [path] = [*replace, *remove]
    assert answer.status_code == 500
    assert answer.json() == {
        "detail": f"The answer has no field {path!r} for the fault `odd` to change"
    }
