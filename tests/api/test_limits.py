"""A call is limited in time and an answer in size, whatever the server sends."""

from __future__ import annotations

import contextlib
import gzip
import json
import resource
import sys
import time
import zlib
from collections.abc import Callable, Iterator

import pytest
from pydantic import SecretStr

from parallel_provider.api import (
    AccountApi,
    ApiError,
    NoAnswerError,
    PermissionDeniedError,
    RetryPolicy,
    StatusError,
)
from parallel_provider.credentials.oauth import SignInServer
from parallel_provider.errors import OAuthError, SignInUnavailableError
from parallel_provider.http import HttpSender, RequestNotSentError
from tests.api.raw_server import RawServer, endless, head, raw_server, whole
from tests.lifecycle.runs import api_at

APP_ID = "00000000-0000-4000-8000-000000000000"
# Each attempt has half of it.
SHORT = RetryPolicy(attempts=1, deadline_seconds=3.0)
# A call may take one and a half seconds, and this machine as long again and more.
SOON = 10.0
MIB = 1024 * 1024
NO_APPS = b'{"apps": []}'
# The time would be in it otherwise, and in the tests' names.
PACKED = gzip.compress(NO_APPS, mtime=0)

Ending = Callable[[RawServer], Iterator[bytes]]


def drip_body(server: RawServer) -> Iterator[bytes]:
    """Send a body without end, a byte at a time."""
    yield head(length=10_000)
    yield from server.slowly(endless(b" "))


def drip_chunks(server: RawServer) -> Iterator[bytes]:
    """Send a chunked body without end."""
    yield head("200 OK", "Transfer-Encoding: chunked")
    yield from server.slowly(endless(b"1\r\n \r\n"))


def say_nothing(server: RawServer) -> Iterator[bytes]:
    """Take the request, and send no byte."""
    server.closing.wait(SOON)
    yield b""


def stop_in_head(server: RawServer) -> Iterator[bytes]:
    """Send a part of the headers, and no more."""
    yield b"HTTP/1.1 200 OK\r\nX: "
    yield from say_nothing(server)


def stop_in_body(server: RawServer) -> Iterator[bytes]:
    """Send a part of the body, and no more."""
    yield head(length=10_000) + b"{"
    yield from say_nothing(server)


@pytest.mark.parametrize(
    "ending", [drip_body, drip_chunks, say_nothing, stop_in_head, stop_in_body]
)
def test_answer_that_never_ends_is_given_up_in_time(ending: Ending) -> None:
    """Each byte of some arrives in time, but the whole answer doesn't. The request may have worked.

    Only headers that come byte by byte aren't limited in time.
    """
    with (
        raw_server(lambda _: ending(server)) as server,
        api_at(server.url, retry_policy=SHORT) as api,
    ):
        started = time.monotonic()
        with pytest.raises(NoAnswerError, match="timed out") as failure:
            api.create_app("search")

    assert time.monotonic() - started < SOON
    assert failure.value.may_have_worked


def test_sign_in_that_answers_drop_by_drop_ends_in_time() -> None:
    """A refresh holds its lock no longer than the time limit of its request."""
    with (
        raw_server(lambda _: drip_body(server)) as server,
        SignInServer(server.url, seconds=0.5) as sign_in,
        pytest.raises(SignInUnavailableError, match="timed out") as failure,
    ):
        sign_in.refresh("client", SecretStr("a-refresh-token"))

    assert failure.value.may_have_worked


def test_time_that_is_used_up_sends_nothing() -> None:
    """The connection was opened too late. Nothing was sent, so nothing can have worked."""
    with (
        raw_server(lambda _: [whole(NO_APPS)]) as server,
        contextlib.closing(HttpSender(server.url, "a URL")) as sender,
        pytest.raises(RequestNotSentError, match="timed out"),
    ):
        sender.send("POST", "/", seconds=-1.0)

    assert server.requests in ([], [""])


def test_error_that_comes_drop_by_drop_is_known_by_its_status() -> None:
    """A refusal is final, even if its text never ends."""
    with (
        raw_server(lambda _: refuse(server)) as server,
        api_at(server.url, retry_policy=SHORT) as api,
        pytest.raises(PermissionDeniedError) as failure,
    ):
        api.create_app("search")

    assert not failure.value.may_have_worked


def refuse(server: RawServer) -> Iterator[bytes]:
    """Refuse at once, and say why without end."""
    yield head("403 Forbidden", length=10_000)
    yield from server.slowly(endless(b" "))


def endless_body(_: str) -> Iterator[bytes]:
    """Send a body without end."""
    yield head()
    yield from endless(b" " * 65536)


def endless_gzip(_: str) -> Iterator[bytes]:
    """Send a compressed body without end; decompressed, it is a thousand times as large."""
    packer = zlib.compressobj(wbits=zlib.MAX_WBITS | 16)
    yield head("200 OK", "Content-Encoding: gzip")
    while True:
        yield packer.compress(b" " * MIB) + packer.flush(zlib.Z_FULL_FLUSH)


@pytest.mark.parametrize("script", [endless_body, endless_gzip])
def test_answer_without_end_is_refused_at_a_size(script: Callable[[str], Iterator[bytes]]) -> None:
    """Neither the raw body nor the decompressed one fills the memory. The key may exist."""
    with (
        raw_server(script) as server,
        api_at(server.url) as api,
        pytest.raises(NoAnswerError, match="more than 1024 KiB") as failure,
    ):
        api.create_key(APP_ID, "ci")

    assert failure.value.may_have_worked
    assert len(server.requests) == 1


@pytest.mark.skipif(sys.platform != "linux", reason="sizes are in KiB there")
def test_small_answer_that_stands_for_a_gigabyte_takes_no_gigabyte() -> None:
    """One read may hold a gigabyte of data, so it is decompressed in small steps."""
    packer = zlib.compressobj(wbits=zlib.MAX_WBITS | 16)
    bomb = b"".join(packer.compress(b" " * MIB) for _ in range(1024)) + packer.flush()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with (
        raw_server(lambda _: [whole(bomb, "200 OK", "Content-Encoding: gzip")]) as server,
        api_at(server.url, retry_policy=RetryPolicy(attempts=1)) as api,
        pytest.raises(NoAnswerError, match="more than 65536 KiB"),
    ):
        api.list_apps()

    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 400 * 1024


@pytest.mark.parametrize("script", [endless_body, endless_gzip])
def test_sign_in_without_end_is_refused_at_a_size(
    script: Callable[[str], Iterator[bytes]],
) -> None:
    """The sign-in has the same limit."""
    with (
        raw_server(script) as server,
        SignInServer(server.url) as sign_in,
        pytest.raises(SignInUnavailableError, match="more than 1024 KiB") as failure,
    ):
        sign_in.refresh("client", SecretStr("a-refresh-token"))

    assert failure.value.may_have_worked


def test_error_page_without_end_is_cut_off() -> None:
    """The status counts, and as much of the page as is read."""

    def script(_: str) -> Iterator[bytes]:
        yield head("403 Forbidden")
        yield from endless(b"<html>" * 1000)

    with (
        raw_server(script) as server,
        api_at(server.url) as api,
        pytest.raises(PermissionDeniedError, match="an HTML page"),
    ):
        api.list_apps()
    with (
        raw_server(script) as server,
        SignInServer(server.url) as sign_in,
        pytest.raises(OAuthError, match="answered 403"),
    ):
        sign_in.register_client()


def test_long_list_of_apps_is_read() -> None:
    """A list of a hundred thousand apps is within the limit, compressed or not."""
    app = {"app_id": APP_ID, "app_name": "n" * 100, "org_id": "org", "org_name": "Organization"}
    plain = json.dumps({"apps": [app] * 100_000}).encode()
    packed = gzip.compress(plain, compresslevel=1)
    answers = iter([whole(plain), whole(packed, "200 OK", "Content-Encoding: gzip")])

    with raw_server(lambda _: [next(answers)]) as server, api_at(server.url) as api:
        assert len(api.list_apps()) == 100_000
        assert len(api.list_apps()) == 100_000


@pytest.mark.parametrize(("encoding", "body"), [("gzip", b"no gzip at all"), ("br", b"whatever")])
def test_body_that_can_not_be_decompressed_is_no_answer(encoding: str, body: bytes) -> None:
    """The app may exist."""
    answer = whole(body, "200 OK", f"Content-Encoding: {encoding}")
    with (
        raw_server(lambda _: [answer]) as server,
        api_at(server.url) as api,
        pytest.raises(ApiError) as failure,
    ):
        api.create_app("search")
    assert failure.value.may_have_worked


@pytest.mark.parametrize("location", ["http:nowhere", "https://[", "//elsewhere.invalid", ""])
def test_redirect_without_a_url_is_an_answer(location: str) -> None:
    """The request was sent, and the server's status counts."""
    answer = whole(b"", "302 Found", f"Location: {location}")
    with (
        raw_server(lambda _: [answer]) as server,
        api_at(server.url) as api,
        pytest.raises(StatusError, match=r"answered 302 .* redirects aren't followed"),
    ):
        api.create_app("search")

    assert server.requests == ["POST /service/v1/apps HTTP/1.1"]


def test_body_of_an_error_is_read_as_far_as_it_can_be() -> None:
    """A compressed page that is cut off still shows what it is."""
    body = gzip.compress(json.dumps({"detail": "Not for you"}).encode(), mtime=0)[:-6]
    answer = whole(body, "403 Forbidden", "Content-Encoding: gzip")
    with (
        raw_server(lambda _: [answer]) as server,
        api_at(server.url) as api,
        pytest.raises(PermissionDeniedError, match="Not for you"),
    ):
        api.create_app("search")


@pytest.mark.parametrize("encoding", ["gzip", "identity"])
def test_body_is_read_however_it_is_cut(encoding: str) -> None:
    """A body that arrives byte by byte is the same body."""
    body = PACKED if encoding == "gzip" else NO_APPS
    answer = whole(body, "200 OK", f"Content-Encoding: {encoding}")
    with (
        raw_server(lambda _: [bytes([byte]) for byte in answer]) as server,
        api_at(server.url) as api,
    ):
        assert api.list_apps() == []


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 raw-key-in-a-status-line\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nraw-key-in-a-header-line\r\n\r\n",
        b"raw-key-at-once",
    ],
)
def test_answer_that_is_not_http_is_not_quoted(answer: bytes) -> None:
    """It may hold a new key."""
    with (
        raw_server(lambda _: [answer]) as server,
        api_at(server.url) as api,
        pytest.raises(ApiError) as failure,
    ):
        api.create_key(APP_ID, "ci")

    assert failure.value.may_have_worked
    assert "raw-key" not in str(failure.value)


def test_wait_for_an_absurd_time_is_no_crash() -> None:
    """A Retry-After that can't be read is ignored, and a very long one is cut short."""
    waits = ["Tue, 01 Dec 2026 00:00:00 +9999", "9" * 400]
    answers = iter([whole(b"{}", "429 Slow", f"Retry-After: {wait}") for wait in waits])
    retry_policy = RetryPolicy(attempts=1, first_wait_seconds=0.0, longest_wait_seconds=0.01)

    with raw_server(lambda _: [next(answers)]) as server, client(server, retry_policy) as api:
        for _ in waits:
            with pytest.raises(ApiError, match="answered 429"):
                api.list_apps()


def client(server: RawServer, retry_policy: RetryPolicy) -> AccountApi:
    """Return a client of this server."""
    return api_at(server.url, retry_policy=retry_policy)
