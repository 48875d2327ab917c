"""The live page at `/`, by plain HTTP."""

from __future__ import annotations

import re

import httpx


def test_page_is_complete_in_itself(anonymous: httpx.Client) -> None:
    """It loads nothing from anywhere, and runs only what it brought."""
    page = anonymous.get("/")
    assert page.status_code == 200
    assert page.headers["Content-Type"] == "text/html; charset=utf-8"
    assert not re.search(r"(?:src|href|url)\s*[=(]\s*[\"']?(?:https?:)?//", page.text)
    nonces = set(re.findall(r'nonce="([^"]+)"', page.text))
    assert len(nonces) == 1
    assert f"script-src 'nonce-{nonces.pop()}'" in page.headers["Content-Security-Policy"]


def test_page_has_no_placeholder_left(anonymous: httpx.Client) -> None:
    """Everything in the templates is filled in."""
    assert "{{" not in anonymous.get("/").text
    assert "{{" not in anonymous.get("/getServiceKeys/device").text


def test_page_itself_holds_no_token(anonymous: httpx.Client, http: httpx.Client) -> None:
    """Whoever looks at the page sees what happens, and nothing to act with."""
    token = http.headers["Authorization"].removeprefix("Bearer ")
    assert token not in anonymous.get("/").text
    assert token not in anonymous.get("/_emulator/state").text
