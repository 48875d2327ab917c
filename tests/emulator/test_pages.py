"""The pages for people, by plain HTTP: the approval of a sign-in, and the overview."""

from __future__ import annotations

import re
from html import unescape
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from parallel_provider.testing.emulator import Emulator

if TYPE_CHECKING:
    from tests.emulator.conftest import OAuthProgram

PAGE = "/getServiceKeys/device"


def _form_of(page: str) -> dict[str, str]:
    """Return the form's hidden fields."""
    return {
        name: unescape(value)
        for name, value in re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', page)
    }


def _post(anonymous: httpx.Client, code: dict[str, Any], **changed: str) -> httpx.Response:
    page = anonymous.get(code["verification_uri_complete"]).text
    return anonymous.post(PAGE, data={**_form_of(page), **changed})


def test_page_shows_the_program_and_its_scopes(
    program: OAuthProgram, anonymous: httpx.Client
) -> None:
    """It shows code, program and scopes. Other parameters of the official client are ignored."""
    program.register("my program")
    code = program.start("apps:read balance:add")
    address = code["verification_uri_complete"] + "&onboard_variant=agent&login_hint=login%3Dsso"
    page = anonymous.get(address)
    assert page.status_code == 200
    assert code["user_code"] in page.text
    assert "my program" in page.text
    assert "apps:read" in page.text
    assert "apps:delete" not in page.text


@pytest.mark.parametrize(
    ("decision", "says", "status"),
    [("approve", "is signed in", 200), ("deny", "has no access", 400)],
)
def test_button_decides_on_the_sign_in(
    program: OAuthProgram, anonymous: httpx.Client, decision: str, says: str, status: int
) -> None:
    """The next page says whether the program is signed in."""
    code = program.start()
    answer = _post(anonymous, code, decision=decision)
    assert answer.status_code == 303
    assert says in anonymous.get(answer.headers["Location"]).text
    assert program.redeem(code).status_code == status


def test_second_decision_changes_nothing(program: OAuthProgram, anonymous: httpx.Client) -> None:
    """A second tab that still shows the form can't change the decision."""
    code = program.start()
    form = _form_of(anonymous.get(code["verification_uri_complete"]).text)
    anonymous.post(PAGE, data={**form, "decision": "deny"})
    anonymous.post(PAGE, data={**form, "decision": "approve"})
    assert program.redeem(code).json()["error"] == "access_denied"


def test_code_is_found_however_it_is_written(
    program: OAuthProgram, anonymous: httpx.Client
) -> None:
    """Case, spaces and dashes don't matter."""
    code = program.start()
    written = code["user_code"].lower().replace("-", " ")
    assert code["user_code"] in anonymous.get(PAGE, params={"user_code": written}).text


def test_page_without_a_code_asks_for_it(anonymous: httpx.Client) -> None:
    """A person who opens the short address types the code."""
    page = anonymous.get(PAGE)
    assert page.status_code == 200
    assert "Enter the code" in page.text
    assert "unknown" not in page.text


def test_unknown_and_expired_codes_get_an_error_page(
    program: OAuthProgram, anonymous: httpx.Client, emulator: Emulator
) -> None:
    """An expired code can't be decided on, so its sign-in isn't shown."""
    code = program.start()
    emulator.set_clock(601)
    for user_code in (code["user_code"], "QQQQ-QQQQ"):
        page = anonymous.get(PAGE, params={"user_code": user_code})
        assert page.status_code == 404
        assert "unknown or has expired" in page.text


def test_names_are_shown_as_text(
    program: OAuthProgram, anonymous: httpx.Client, emulator: Emulator
) -> None:
    """HTML in the names of a program, an organization and a code that was tried is escaped."""
    emulator.set_org(org_name='<script>"org"</script>')
    program.register('<script>alert("me")</script>')
    page = anonymous.get(program.start()["verification_uri_complete"])
    unknown = anonymous.get(PAGE, params={"user_code": '"><script>'})
    assert "<script>" not in page.text + unknown.text
    assert "&lt;script&gt;alert(&quot;me&quot;)" in page.text
    assert "&lt;script&gt;&quot;org&quot;" in page.text


def test_overview_loads_nothing_from_elsewhere(anonymous: httpx.Client) -> None:
    """It works without a network, and it links to the approval page."""
    page = anonymous.get("/")
    assert page.status_code == 200
    assert page.headers["Content-Type"] == "text/html; charset=utf-8"
    assert not re.search(r"(?:src|href|url)\s*[=(]\s*[\"']?(?:https?:)?//", page.text)
    assert f'"{PAGE}"' in page.text


def test_overview_and_state_hold_no_token(anonymous: httpx.Client, http: httpx.Client) -> None:
    """A person who sees the page can't use the API with what it shows."""
    token = http.headers["Authorization"].removeprefix("Bearer ")
    assert token not in anonymous.get("/").text
    assert token not in anonymous.get("/_emulator/state").text
