"""The pages in a real browser, where there is one."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from typing import TYPE_CHECKING

import httpx
import pytest

from parallel_provider.testing.emulator import Emulator

if TYPE_CHECKING:
    from playwright.sync_api import Browser, ConsoleMessage, Page

    from tests.emulator.conftest import OAuthProgram

playwright = pytest.importorskip(
    "playwright.sync_api", reason="Playwright isn't installed (pip install playwright)"
)
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="no Chromium on this machine (Debian's package: chromium)"
)
_SECONDS = 1_000


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Run one browser for this file's tests. It connects to the emulator only."""
    arguments = [
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-quic",
        "--disable-sync",
        "--no-first-run",
    ]
    with playwright.sync_playwright() as running:
        # Containers run tests as root, where Chromium's own sandbox can't start.
        launched = running.chromium.launch(
            executable_path=CHROMIUM, args=arguments, chromium_sandbox=False
        )
        yield launched
        launched.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """Open a new page. An error or a warning in its console fails the test."""
    with browser.new_context() as context:
        opened = context.new_page()
        opened.set_default_timeout(10 * _SECONDS)
        problems: list[str] = []

        def note(said: ConsoleMessage) -> None:
            if said.type in {"error", "warning"}:
                problems.append(said.text)

        opened.on("console", note)
        opened.on("pageerror", lambda error: problems.append(str(error)))
        yield opened
        assert problems == []


def test_person_approves_a_sign_in_that_waits(
    page: Page, program: OAuthProgram, emulator: Emulator
) -> None:
    """The overview links to it. The person reads the program's name, and presses a button."""
    program.register("my program")
    code = program.start()
    page.goto(emulator.url)
    page.get_by_role("link", name=code["user_code"]).click()
    assert "my program" in page.get_by_role("heading").inner_text()
    assert page.get_by_text(code["user_code"], exact=True).is_visible()
    page.get_by_role("button", name="Approve").click()
    page.get_by_role("heading", name="Signed in").wait_for()
    assert program.redeem(code).status_code == 200


def test_overview_shows_changes_without_a_reload(
    page: Page, http: httpx.Client, emulator: Emulator
) -> None:
    """Apps, keys, balance, charges and requests appear as they change."""
    page.goto(emulator.url)
    page.get_by_text("No charges yet.").wait_for()
    app_id = http.post("/service/v1/apps", json={"app_name": "<b>search</b>"}).json()["app_id"]
    keys = f"/service/v1/apps/{app_id}/keys"
    key_id = http.post(keys, json={"api_key_name": "nightly"}).json()["api_key_id"]
    http.post(
        "/service/v1/balance/add", json={"amount_cents": 2_050, "idempotency_key": "a-charge"}
    )
    page.get_by_text("<b>search</b>", exact=True).wait_for()
    page.locator("#credit", has_text="$20.50").wait_for()
    page.locator("#charges", has_text="a-charge").wait_for()
    page.locator("#requests", has_text="POST /service/v1/apps/{app_id}/keys").wait_for()
    page.locator("#apps li", has_text="nightly").wait_for()
    http.delete(f"{keys}/{key_id}")
    page.locator("#apps li.gone", has_text="nightly").wait_for()
