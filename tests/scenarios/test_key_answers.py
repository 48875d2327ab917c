"""Keys whose answer can't be stored: revoked again or named, and never a traceback."""

from __future__ import annotations

import json

import pytest

from parallel_provider.testing.emulator import Emulator
from tests.engines import Project
from tests.scenarios.story import assert_fails, declare, live_keys, raw_keys

KEYS = "/service/v1/apps/{app_id}/keys"
PROGRAM = """
app = parallel.App("search")
parallel.{kind}("svc", app_id=app.app_id, {arguments})
"""
KINDS = {"ApiKey": "", "RotatingApiKey": 'rotate_after="30d"'}


@pytest.mark.parametrize(
    ("kind", "odd"), [("ApiKey", {"app_name": "\ud800"}), ("RotatingApiKey", {"created_at": -1})]
)
def test_key_whose_answer_cannot_be_kept_is_named(
    project: Project, emulator: Emulator, kind: str, odd: dict[str, object]
) -> None:
    """One line has the key's name, its id and its app. The state has nothing of the key."""
    declare(project, 'parallel.App("search")')
    project.up()
    app_id = project.resource("search")["id"]
    answer = {
        "api_key_id": "an-id-of-its-own",
        "api_key_name": "svc",
        "app_id": app_id,
        "app_name": "search",
        "created_by_user_id": "user",
        "created_by_user_email": "person@example.com",
        "display_value": "...",
        "raw_api_key": "hush-hush",
        "created_at": 1_796_083_140,
    }
    emulator.add_fault("garbage", method="POST", path=KEYS, body=json.dumps(answer | odd))
    declare(project, PROGRAM.format(kind=kind, arguments=KINDS[kind]))

    text = assert_fails(
        project, "up", "'svc'", "an-id-of-its-own", app_id, "revoke", resource="svc"
    )
    assert "hush-hush" not in text
    project.up()
    assert project.resource("svc")["outputs"]["api_key_id"] == live_keys(emulator)[-1]["api_key_id"]


@pytest.mark.parametrize("kind", ["ApiKey", "RotatingApiKey"])
def test_raw_key_of_the_state_is_in_no_error_of_a_later_run(
    project: Project, emulator: Emulator, kind: str
) -> None:
    """The server quotes the key. This run has it from the state, and not from an answer."""
    more = ', rotate_after="30d"' if kind == "RotatingApiKey" else ""
    declare(
        project,
        f"""
        app = parallel.App("search")
        parallel.{kind}("ci", app_id=app.app_id{more})
        """,
    )
    project.up()
    [raw] = raw_keys(project)
    body = {"detail": f"the key {raw} is in use"}
    path = "/service/v1/apps/{app_id}/keys/{api_key_id}"
    emulator.add_fault("status", method="DELETE", path=path, status=409, body=body)

    text = project.fails("destroy")

    assert "is in use" in text
    assert raw not in text
