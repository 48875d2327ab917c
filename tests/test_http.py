"""Single requests: limits of time and size, certificates and proxies."""

from __future__ import annotations

import contextlib
import gzip
import itertools
import json
import resource
import socket
import ssl
import subprocess
import sys
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import certifi
import pytest
from pydantic import SecretStr

from parallel_provider.api import (
    AnswerError,
    ApiError,
    ConnectionFailedError,
    NoAnswerError,
    PermissionDeniedError,
    RetryPolicy,
    StatusError,
)
from parallel_provider.credentials.oauth import SignInServer
from parallel_provider.errors import SettingsError, SignInUnavailableError
from parallel_provider.http import (
    CERTIFICATE_VARIABLES,
    HttpSender,
    RequestNotSentError,
    tls_context,
)
from parallel_provider.printable import remember_secret
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


def refuse_slowly(server: RawServer) -> Iterator[bytes]:
    """Refuse at once, and say why without end."""
    yield head("403 Forbidden", length=10_000)
    yield from server.slowly(endless(b" "))


def refuse_at_length(_: RawServer) -> Iterator[bytes]:
    """Refuse with a page without end."""
    yield head("403 Forbidden")
    yield from endless(b"<html>" * 1000)


def endless_body(_: RawServer) -> Iterator[bytes]:
    """Send a body without end."""
    yield head()
    yield from endless(b" " * 65536)


def endless_gzip(_: RawServer) -> Iterator[bytes]:
    """Send a compressed body without end; decompressed, it is a thousand times as large."""
    packer = zlib.compressobj(wbits=zlib.MAX_WBITS | 16)
    yield head("200 OK", "Content-Encoding: gzip")
    while True:
        yield packer.compress(b" " * MIB) + packer.flush(zlib.Z_FULL_FLUSH)


def says(answer: bytes) -> Ending:
    """Send these bytes."""
    return lambda _: iter([answer])


# What a server sends, and the error: its type and its words.
GZIP = "Content-Encoding: gzip"
CUT_REASON = gzip.compress(json.dumps({"detail": "Not for you"}).encode(), mtime=0)[:-6]
ODD_ANSWERS: dict[str, tuple[Ending, type[ApiError], str]] = {
    "a body without end": (endless_body, NoAnswerError, "more than 1024 KiB"),
    "a compressed body without end": (endless_gzip, NoAnswerError, "more than 1024 KiB"),
    "no gzip": (says(whole(b"no", "200 OK", GZIP)), NoAnswerError, "can't be decompressed"),
    "no known encoding": (
        says(whole(b"?", "200 OK", "Content-Encoding: br")),
        AnswerError,
        "isn't JSON",
    ),
    "no status": (says(b"HTTP/1.1 raw-key-in-a-status\r\n\r\n"), NoAnswerError, "isn't HTTP"),
    "no header": (says(b"HTTP/1.1 200 OK\r\nraw-key\r\n\r\n"), NoAnswerError, "isn't HTTP"),
    "no HTTP": (says(b"raw-key-at-once"), NoAnswerError, "disconnected"),
}
# Here the status counts, and as much of the text as can be read: nothing was done.
REFUSALS: dict[str, tuple[Ending, type[ApiError], str]] = {
    "drop by drop": (refuse_slowly, PermissionDeniedError, "403"),
    "without end": (refuse_at_length, PermissionDeniedError, "an HTML page"),
    "cut off": (
        says(whole(CUT_REASON, "403 Forbidden", GZIP)),
        PermissionDeniedError,
        "Not for you",
    ),
    **{
        f"redirect to {location!r}": (
            says(whole(b"", "302 Found", f"Location: {location}")),
            StatusError,
            r"answered 302 .* redirects aren't followed",
        )
        for location in ("http:nowhere", "https://[", "//elsewhere.invalid", "")
    },
}


@pytest.mark.parametrize("what", [*ODD_ANSWERS, *REFUSALS])
def test_odd_answer_is_one_error_that_quotes_no_key(what: str) -> None:
    """Neither the raw body nor the decompressed one fills the memory, and nothing is sent again."""
    answer, error, words = (ODD_ANSWERS | REFUSALS)[what]
    with (
        raw_server(lambda _: answer(server)) as server,
        api_at(server.url, retry_policy=SHORT) as api,
        pytest.raises(error, match=words) as failure,
    ):
        api.create_key(APP_ID, "ci")

    assert failure.value.may_have_worked is (what in ODD_ANSWERS)
    assert "raw-key" not in str(failure.value)
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


def test_long_list_of_apps_is_read() -> None:
    """A list of a hundred thousand apps is within the limit, compressed or not."""
    app = {"app_id": APP_ID, "app_name": "n" * 100, "org_id": "org", "org_name": "Organization"}
    plain = json.dumps({"apps": [app] * 100_000}).encode()
    packed = gzip.compress(plain, compresslevel=1)
    answers = iter([whole(plain), whole(packed, "200 OK", "Content-Encoding: gzip")])

    with raw_server(lambda _: [next(answers)]) as server, api_at(server.url) as api:
        assert len(api.list_apps()) == 100_000
        assert len(api.list_apps()) == 100_000


def test_compressed_body_that_is_cut_off_proves_no_deletion() -> None:
    """Its beginning stands for no text, which isn't the same as an answer without a text."""
    answer = whole(PACKED[:10], "200 OK", "Content-Encoding: gzip")
    with (
        raw_server(lambda _: [answer]) as server,
        api_at(server.url) as api,
        pytest.raises(NoAnswerError, match="ends too early"),
    ):
        api.delete_app(APP_ID)


@pytest.mark.parametrize("token", ["first-half\nsecond-half", "first-half\x00second-half"])
def test_token_that_no_header_can_have_is_not_quoted(token: str) -> None:
    """Somebody may have edited the file that it is in."""
    remember_secret(token)
    with (
        raw_server(lambda _: [whole(NO_APPS)]) as server,
        contextlib.closing(HttpSender(server.url, "service API URL")) as sender,
        pytest.raises(RequestNotSentError, match="characters that HTTP doesn't allow") as failure,
    ):
        sender.send("GET", "/", seconds=5, headers={"Authorization": f"Bearer {token}"})

    assert "half" not in str(failure.value)
    assert not any(server.requests)


def test_token_that_is_not_ascii_is_for_the_server_to_refuse() -> None:
    """The host and its setting are not the mistake."""
    with (
        raw_server(lambda _: [whole(b"{}", "401 Unauthorized")]) as server,
        contextlib.closing(HttpSender(server.url, "service API URL")) as sender,
    ):
        answer = sender.send("GET", "/", seconds=5, headers={"Authorization": "Bearer tök"})

    assert answer.status_code == 401


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


def test_plain_http_trusts_nobody_and_https_checks_names() -> None:
    """Certificates are loaded for https only; every certificate is checked."""
    plain, secure = tls_context("http://127.0.0.1:1"), tls_context("https://api.example")
    assert plain.get_ca_certs() == []
    assert secure.get_ca_certs()
    for context in (plain, secure):
        assert context.verify_mode is ssl.CERT_REQUIRED
        assert context.check_hostname


@pytest.fixture
def no_certificates(monkeypatch: pytest.MonkeyPatch) -> None:
    """Remove what names certificates."""
    for name in CERTIFICATE_VARIABLES:
        monkeypatch.delenv(name, raising=False)


@pytest.mark.usefixtures("no_certificates")
@pytest.mark.parametrize("variable", ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_certificates_of_the_environment_take_the_usual_ones_place(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, variable: str
) -> None:
    """A company's proxy has an authority of its own. Python's variables come before the others."""
    end = "-----END CERTIFICATE-----"
    own = tmp_path / "own.pem"
    own.write_text(Path(certifi.where()).read_text(encoding="utf-8").partition(end)[0] + end)
    monkeypatch.setenv("CURL_CA_BUNDLE", "/missing")
    monkeypatch.setenv(variable, str(own))
    assert len(tls_context("https://api.example").get_ca_certs()) == 1
    monkeypatch.setenv(variable, "")
    monkeypatch.setenv("CURL_CA_BUNDLE", "")
    assert len(tls_context("https://api.example").get_ca_certs()) > 1


@pytest.mark.usefixtures("no_certificates")
@pytest.mark.parametrize("variable", ["SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE"])
def test_certificates_that_cannot_be_used_are_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, variable: str
) -> None:
    """The error has the variable and the path, for a missing file and for one that is no PEM."""
    empty = tmp_path / "empty.pem"
    empty.write_text("no certificate")
    for path in (tmp_path / "missing.pem", empty):
        monkeypatch.setenv(variable, str(path))
        with pytest.raises(SettingsError, match=f"{variable}={path} can't be used"):
            tls_context("https://api.example")


@pytest.mark.usefixtures("no_certificates")
def test_unknown_authority_names_the_variables(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The error says what to set, and what is set."""
    own = tmp_path / "own.pem"
    own.write_text(Path(certifi.where()).read_text(encoding="utf-8"))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(own))
    real = socket.getaddrinfo

    def here(host: str, *where: int, **options: int) -> list[object]:
        return [*real("127.0.0.1" if host == "api.invalid" else host, *where, **options)]

    monkeypatch.setattr(socket, "getaddrinfo", here)
    with (
        tls_server(tmp_path) as port,
        api_at(f"https://api.invalid:{port}", retry_policy=RetryPolicy(attempts=1)) as api,
        pytest.raises(ConnectionFailedError) as caught,
    ):
        api.list_apps()
    assert "CERTIFICATE_VERIFY_FAILED" in str(caught.value)
    assert f"SSL_CERT_FILE or REQUESTS_CA_BUNDLE (now it is REQUESTS_CA_BUNDLE={own})" in str(
        caught.value
    )


@contextlib.contextmanager
def tls_server(folder: Path) -> Iterator[int]:
    """Serve TLS with a certificate that nobody has signed; give the port."""
    pem = folder / "server.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1"),
            *("-subj", "/CN=api.invalid", "-keyout", str(pem), "-out", str(folder / "cert.pem")),
        ],
        check=True,
        capture_output=True,
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "cert.pem", pem)

    def answer() -> None:
        with contextlib.suppress(OSError):
            context.wrap_socket(listener.accept()[0], server_side=True)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(20)
        thread = threading.Thread(target=answer)
        thread.start()
        yield listener.getsockname()[1]
        thread.join()


@pytest.mark.parametrize(
    ("environment", "is_used"),
    [
        ({"HTTPS_PROXY": "PROXY"}, True),
        ({"ALL_PROXY": "PROXY"}, True),
        ({"HTTPS_PROXY": "PROXY", "NO_PROXY": "other.invalid"}, True),
        ({"HTTPS_PROXY": "PROXY", "NO_PROXY": "invalid"}, False),
        ({"HTTPS_PROXY": "PROXY", "NO_PROXY": "*"}, False),
        ({"HTTP_PROXY": "PROXY"}, False),
    ],
)
def test_proxy_of_the_environment_is_used_where_it_says_so(
    environment: dict[str, str], monkeypatch: pytest.MonkeyPatch, *, is_used: bool
) -> None:
    """The proxy gets a CONNECT and refuses it, so the request was never sent."""
    for name in ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    with raw_server(lambda _: [whole(b"", "407 Proxy Authentication Required")]) as proxy:
        for name, value in environment.items():
            monkeypatch.setenv(name, value.replace("PROXY", proxy.url))
        with (
            api_at("https://api.invalid", retry_policy=RetryPolicy(attempts=1)) as api,
            pytest.raises(ConnectionFailedError, match=r"407 Proxy" if is_used else "reached") as e,
        ):
            api.create_app("search")
    address = proxy.url.partition("//")[2]
    assert (f"the proxy {address} refused the connection" in str(e.value)) is is_used

    assert proxy.requests == (["CONNECT api.invalid:443 HTTP/1.1"] if is_used else [])


def test_proxy_that_says_nothing_ends_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """The time limit includes the connection to the proxy."""
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)

    def say_nothing(_: str) -> Iterator[bytes]:
        proxy.closing.wait(20)
        yield b""

    with raw_server(say_nothing) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        with (
            api_at(
                "https://api.invalid", retry_policy=RetryPolicy(attempts=1, deadline_seconds=1.0)
            ) as api,
            pytest.raises(NoAnswerError, match="timed out"),
        ):
            api.create_app("search")
    assert proxy.requests == ["CONNECT api.invalid:443 HTTP/1.1"]


def test_address_that_does_not_answer_leaves_time_for_the_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A host may have an address that doesn't answer, as IPv6 ones often do."""
    with silent_port() as silent, raw_server(lambda _: [whole(b'{"apps": []}')]) as server:
        real = socket.getaddrinfo
        port = int(server.url.rpartition(":")[2])

        def two_addresses(host: str, *where: int, **options: int) -> list[object]:
            ports = [silent, port] if host == "localhost" else where[:1]
            found = [real("127.0.0.1", one, *where[1:], **options) for one in ports]
            return list(itertools.chain(*found))

        with api_at(
            f"http://localhost:{port}", retry_policy=RetryPolicy(attempts=1, deadline_seconds=6.0)
        ) as api:
            monkeypatch.setattr(socket, "getaddrinfo", two_addresses)
            assert api.list_apps() == []


@contextlib.contextmanager
def silent_port() -> Iterator[int]:
    """Give a port at which connections are neither accepted nor refused: its queue is full."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(4):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listener.getsockname())
        yield listener.getsockname()[1]
