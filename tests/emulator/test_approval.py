"""The approval page, by plain HTTP."""

from __future__ import annotations

import re
from html import unescape
from typing import TYPE_CHECKING, Any

import httpx

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


def test_page_shows_who_asks_for_what(program: OAuthProgram, anonymous: httpx.Client) -> None:
    """Code, program and scopes, whatever else the official client adds to the address."""
    program.register("my program")
    code = program.begin("apps:read balance:add")
    address = code["verification_uri_complete"] + "&onboard_variant=agent&login_hint=login%3Dsso"
    page = anonymous.get(address)
    assert page.status_code == 200
    assert code["user_code"] in page.text
    assert "my program" in page.text
    assert "apps:read" in page.text
    assert "Charge your card" in page.text
    assert "apps:delete" not in page.text


def test_approve_lets_the_program_in(program: OAuthProgram, anonymous: httpx.Client) -> None:
    """The button's form is answered with a page that says so."""
    code = program.begin()
    answer = _post(anonymous, code, decision="approve")
    assert answer.status_code == 303
    assert "may go on" in anonymous.get(answer.headers["Location"]).text
    assert program.redeem(code).status_code == 200


def test_deny_keeps_the_program_out(program: OAuthProgram, anonymous: httpx.Client) -> None:
    """Denying is final, and so is anything that isn't plainly an approval."""
    code = program.begin()
    answer = _post(anonymous, code, decision="deny")
    assert "gets nothing" in anonymous.get(answer.headers["Location"]).text
    assert program.redeem(code).json()["error"] == "access_denied"


def test_second_decision_changes_nothing(program: OAuthProgram, anonymous: httpx.Client) -> None:
    """A second tab that still shows the form can't overturn what was decided."""
    code = program.begin()
    form = _form_of(anonymous.get(code["verification_uri_complete"]).text)
    anonymous.post(PAGE, data={**form, "decision": "deny"})
    anonymous.post(PAGE, data={**form, "decision": "approve"})
    assert program.redeem(code).json()["error"] == "access_denied"


def test_code_is_found_however_it_is_written(
    program: OAuthProgram, anonymous: httpx.Client
) -> None:
    """People type small letters and forget the dash."""
    code = program.begin()
    written = code["user_code"].lower().replace("-", " ")
    assert code["user_code"] in anonymous.get(PAGE, params={"user_code": written}).text


def test_page_without_a_code_asks_for_it(anonymous: httpx.Client) -> None:
    """Whoever opens the short address types the code."""
    page = anonymous.get(PAGE)
    assert page.status_code == 200
    assert "Enter the code" in page.text
    assert "unknown" not in page.text


def test_unknown_and_expired_codes_are_told(
    program: OAuthProgram, anonymous: httpx.Client, emulator: Emulator
) -> None:
    """What can't be decided on any more isn't shown any more."""
    code = program.begin()
    emulator.set_clock(601)
    for user_code in (code["user_code"], "QQQQ-QQQQ"):
        page = anonymous.get(PAGE, params={"user_code": user_code})
        assert page.status_code == 404
        assert "unknown or has expired" in page.text


def test_form_without_its_proof_is_refused(program: OAuthProgram, anonymous: httpx.Client) -> None:
    """Knowing the code isn't enough to approve: one must have read the page."""
    code = program.begin()
    answer = _post(anonymous, code, decision="approve", proof="0" * 64)
    assert answer.status_code == 403
    assert program.redeem(code).json()["error"] == "authorization_pending"


def test_form_from_another_origin_is_refused(
    program: OAuthProgram, anonymous: httpx.Client
) -> None:
    """A page elsewhere can't press the button."""
    code = program.begin()
    anonymous.headers["Origin"] = "https://attacker.example"
    answer = _post(anonymous, code, decision="approve")
    assert answer.status_code == 403
    del anonymous.headers["Origin"]
    assert program.redeem(code).json()["error"] == "authorization_pending"


def test_names_are_shown_as_text(program: OAuthProgram, anonymous: httpx.Client) -> None:
    """A program's name is no HTML, and no template either."""
    program.register('<script>alert("{{ proof }}")</script>')
    page = anonymous.get(program.begin()["verification_uri_complete"])
    assert "<script>" not in page.text
    assert "&lt;script&gt;alert(&quot;{{ proof }}&quot;)" in page.text


def test_page_can_neither_be_framed_nor_load_anything(anonymous: httpx.Client) -> None:
    """No other page may lead a person's click onto Approve."""
    headers = anonymous.get(PAGE).headers
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert headers["Cache-Control"] == "no-store"
