"""Resources that somebody has made by hand are imported into a program with the native plugin."""

from __future__ import annotations

import json

import pytest

from parallel_provider.testing.emulator import Emulator
from tests.engines import Project, changes, is_secret
from tests.scenarios.story import Console, declare, live_keys, stored_text, writes

pytestmark = pytest.mark.providers("native")

PROGRAM = """
opts = lambda import_id: pulumi.ResourceOptions(import_=import_id)
app = parallel.App("search", app_name="search", opts=opts("{app_id}"))
ci = parallel.ApiKey(
    "ci", app_id=app.app_id, api_key_name="{name}", triggers={{"quarter": 4}}, opts=opts("{ci}")
)
svc = parallel.RotatingApiKey(
    "svc", app_id=app.app_id, rotate_after="30d", overlap="2d",
    triggers={triggers}, opts=opts("{svc}"),
)
pulumi.export("ci", ci.raw_api_key)
pulumi.export("svc", svc.raw_api_key)
"""


@pytest.fixture
def made_by_hand(project: Project, emulator: Emulator) -> dict[str, str]:
    """Return the import ids of an app and its keys. The environment has their raw keys."""
    console = Console(emulator)
    app_id = console.create_app("search")
    keys = {name: console.create_key(app_id, name) for name in ("ci", "svc")}
    raw = {key["api_key_id"]: key["raw_api_key"] for key in keys.values()}
    project.env["PARALLEL_IMPORT_RAW_API_KEY"] = json.dumps(raw)
    ids = {name: f"{app_id}/{key['api_key_id']}/{name}" for name, key in keys.items()}
    return {"app_id": app_id, **ids}


def test_keys_are_imported_without_a_change_at_the_server(
    project: Project, emulator: Emulator, made_by_hand: dict[str, str]
) -> None:
    """Triggers and durations of the program are taken over. A later change counts."""
    declare(project, PROGRAM.format(**made_by_hand, name="ci", triggers=1))

    with writes(emulator) as made:
        up = project.up()
        assert changes(up)["import"] == 3
        assert changes(project.up()) == {"same": 4}
        assert set(changes(project.refresh())) == {"same"}
    assert made == []
    assert up.outputs["ci"].secret
    assert is_secret(project.resource("svc")["outputs"]["raw_api_key"])
    assert project.resource("svc")["outputs"]["rotate_after"] == "30d"
    assert emulator.leaks_in(stored_text(project) + "".join(project.said)) == []

    declare(project, PROGRAM.format(**made_by_hand, name="ci", triggers=2))
    assert changes(project.up()) == {"update": 1, "same": 3}
    assert len(live_keys(emulator)) == 3
    project.destroy()
    assert live_keys(emulator) == []


def test_import_never_replaces_what_is_in_use(
    project: Project, emulator: Emulator, made_by_hand: dict[str, str]
) -> None:
    """A name that differs is refused, in a preview and without one."""
    declare(project, PROGRAM.format(**made_by_hand, name="other", triggers=1))

    with writes(emulator) as made:
        for operation in ("preview", "up"):
            text = project.fails(operation)
            assert "first run after an import replaces nothing" in text
            assert "apiKeyName 'ci'" in text

    assert made == []
    assert len(live_keys(emulator)) == 2
