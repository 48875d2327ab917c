"""Names, addresses and environments that are hostile or look hostile."""

from __future__ import annotations

import json

import pytest

from parallel_provider.testing.emulator import Emulator
from tests.engines import Project, changes
from tests.reliability.matrix import APPS, KEYS
from tests.scenarios.story import assert_no_traceback_of_ours, declare, live_keys, warnings

NOWHERE = "http://127.0.0.1:9"
PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy")

_HARMLESS = [
    "../../etc/passwd",
    "..%2f..%2fapps?x=1#y",
    "'; DROP TABLE apps; --",
    "$(rm -rf /) `id` && | > /tmp/x",
    "<script>alert(1)</script>",
    "{{7*7}} %s %n ${HOME}",
    "\u202eright to left\u200f",
    "e\u0301\U0001f600 \u691c\u7d22",
    "n" * 10_000,
]
_REFUSED = ["a\nb", "a\r\nX-Header: b", "\x1b[31mred", "a\x00b", "a\u2028b", "\u200b", " "]


def test_strange_names_arrive_unchanged(project: Project, emulator: Emulator) -> None:
    """Any text can be the name of an app or a key, and a second run changes nothing."""
    declare(
        project,
        f"""
        import json
        for i, name in enumerate(json.loads({json.dumps(json.dumps(_HARMLESS))})):
            app = parallel.App(f"a{{i}}", app_name=name)
            parallel.ApiKey(f"k{{i}}", app_id=app.app_id, api_key_name=name)
        """,
    )

    project.up()

    assert {app["app_name"] for app in emulator.state()["apps"][1:]} == set(_HARMLESS)
    assert {key["api_key_name"] for key in live_keys(emulator)} == set(_HARMLESS)
    assert changes(project.up()) == {"same": 1 + 2 * len(_HARMLESS)}


@pytest.mark.parametrize("name", _REFUSED, ids=repr)
def test_name_that_nobody_can_see_is_refused_in_preview(
    project: Project, emulator: Emulator, name: str
) -> None:
    """The error is one line, before any request to the server."""
    declare(project, f'import json\nparallel.App("a", app_name=json.loads({json.dumps(name)!r}))')

    text = project.fails("preview")

    assert "App resource 'a' has a problem: app_name must" in text
    assert "must not " in text
    assert_no_traceback_of_ours(text)
    assert emulator.state()["requests"] == {}


@pytest.mark.parametrize(
    "declaration",
    [
        'parallel.App("a", app_name="x\\ud800")',
        'parallel.App("a\\udfff")',
        'parallel.App.get("a", "x\\ud800")',
        'parallel.ApiKey("a", app_id="x", triggers={"x": ["\\ud800"]})',
    ],
)
def test_text_that_is_no_unicode_is_refused_in_one_line(
    project: Project, emulator: Emulator, declaration: str
) -> None:
    """Pulumi couldn't send such text, and would print a long traceback."""
    declare(project, declaration)

    text = project.fails("preview")

    assert "isn't valid Unicode (a lone surrogate): check how it was decoded" in text
    assert_no_traceback_of_ours(text)
    assert emulator.state()["requests"] == {}


def test_redirect_elsewhere_gets_no_token(project: Project, emulator: Emulator) -> None:
    """The other host gets no request, even if it would answer."""
    declare(project, 'parallel.App("search")')
    with Emulator() as elsewhere:
        for status in (302, 308):
            location = {"Location": f"{elsewhere.url}{APPS}"}
            emulator.add_fault("status", path=APPS, status=status, headers=location)
            text = project.fails("up")
            assert f"answered {status}" in text
            assert "redirects aren't followed, so check the configured service API URL" in text
        assert elsewhere.state()["log"] == []


def test_proxy_that_is_dead_is_no_way_to_loopback(project: Project, emulator: Emulator) -> None:
    """With NO_PROXY, which Pulumi's own processes need, everything works, warnings included."""
    project.env |= dict.fromkeys(PROXIES, NOWHERE)
    project.env |= {"NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}
    emulator.add_fault("drop_after", path=KEYS)
    declare(
        project,
        """
        app = parallel.App("search")
        parallel.ApiKey("ci", app_id=app.app_id)
        pulumi.export("org_id", parallel.get_balance().org_id)
        """,
    )

    result = project.up()

    assert result.outputs["org_id"].value == emulator.org_id
    assert len(warnings(result.stdout)) == 1


@pytest.mark.parametrize("proxy", ["gopher://me:hush@127.0.0.1:9", "http://me:hu/sh@127.0.0.1:x"])
def test_proxy_that_makes_no_sense_is_one_line(project: Project, proxy: str) -> None:
    """The error names the variables, but not the value, which may have a password."""
    project.env |= {
        "HTTPS_PROXY": proxy,
        "NO_PROXY": "127.0.0.1",
        "PARALLEL_SERVICE_API_URL": "https://api.example.invalid",
    }
    declare(project, 'parallel.App("search")')

    text = project.fails("up")

    assert "the proxy variables of the environment can't be used" in text
    assert "hush" not in text
    assert_no_traceback_of_ours(text)
