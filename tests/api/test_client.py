"""The client against the emulator: every endpoint, and how each refusal is reported."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import quote

import httpx
import pytest

from parallel_provider.api import (
    AccountApi,
    ApiError,
    ConnectionFailedError,
    StatusError,
)
from parallel_provider.errors import SettingsError
from parallel_provider.testing.emulator import Emulator
from tests.lifecycle.runs import NOWHERE, api_at

APPS, KEYS = "/service/v1/apps", "/service/v1/apps/{app_id}/keys"
BALANCE, ADD = "/service/v1/balance", "/service/v1/balance/add"
NO_SUCH_APP = "00000000-0000-4000-8000-000000000000"


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[httpx.Request]:
    """Give the list of the requests that are sent to the API."""
    requests: list[httpx.Request] = []
    handle = httpx.HTTPTransport.handle_request

    def note(self: httpx.HTTPTransport, request: httpx.Request) -> httpx.Response:
        if request.url.path.startswith("/service/"):
            requests.append(request)
        return handle(self, request)

    monkeypatch.setattr(httpx.HTTPTransport, "handle_request", note)
    return requests


@pytest.mark.parametrize("bad_id", ["", ".", "..", "..."])
def test_dot_segments_are_never_sent(api: AccountApi, emulator: Emulator, bad_id: str) -> None:
    """To delete a key of that id must not delete its app."""
    calls: list[Callable[[], object]] = [
        lambda: api.delete_key(NO_SUCH_APP, bad_id),
        lambda: api.delete_key(bad_id, NO_SUCH_APP),
        lambda: api.delete_app(bad_id),
        lambda: api.create_key(bad_id, "ci"),
    ]
    for call in calls:
        with pytest.raises(ApiError, match="can't stand in a URL") as failure:
            call()
        assert not failure.value.may_have_worked

    assert emulator.state()["requests"] == {}


@pytest.mark.parametrize("app_id", ["../balance", "a/keys/b", "a?b=c#d", "a%2Fb"])
def test_ids_stay_one_segment_of_the_path(
    api: AccountApi, app_id: str, sent: list[httpx.Request]
) -> None:
    """Whatever an id holds, it can't name another endpoint."""
    with pytest.raises(StatusError):
        api.delete_app(app_id)

    [request] = sent
    assert request.headers["user-agent"].startswith("parallel-provider/")
    assert request.url.raw_path.removeprefix(b"/service/v1/apps/").decode() == quote(
        app_id, safe=""
    )


def test_unreachable_server_can_have_done_nothing() -> None:
    """The error shows the address."""
    with (
        api_at(NOWHERE) as api,
        pytest.raises(ConnectionFailedError, match=r"127\.0\.0\.1:9") as error,
    ):
        api.create_app("search")

    assert not error.value.may_have_worked


@pytest.mark.parametrize("url", ["https://a..b", "https://xn--", f"https://{'a' * 300}.example"])
def test_impossible_host_is_a_settings_error(url: str) -> None:
    """A name that can't be a host's is refused, and not retried."""
    with api_at(url) as api, pytest.raises(SettingsError, match="configured service API URL"):
        api.list_apps()


def test_secrets_are_in_no_error_and_no_repr(api: AccountApi, emulator: Emulator) -> None:
    """Neither the token nor a raw key can be read off anything that gets printed."""
    key = api.create_key(emulator.state()["apps"][0]["app_id"], "ci")
    raw = key.raw_api_key.get_secret_value()
    for shown in (repr(key), str(key), repr(api), repr(key.model_dump()), key.model_dump_json()):
        assert raw not in shown
        assert emulator.access_token not in shown

    body = {"detail": f"{emulator.access_token} may not, as {raw} says"}
    emulator.add_fault("status", method="DELETE", status=403, body=body)
    with pytest.raises(StatusError, match=r"\*+ may not, as \*+ says") as failure:
        api.delete_app(NO_SUCH_APP)
    error = failure.value
    for shown in (repr(error), str(error), repr(error.__dict__)):
        assert emulator.access_token not in shown
        assert raw not in shown
    assert error.__cause__ is None
