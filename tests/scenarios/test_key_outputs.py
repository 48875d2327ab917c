"""What a preview and a program see of keys whose outputs are left out at times."""

from __future__ import annotations

import time

import pytest

from parallel_provider.testing.emulator import Emulator
from tests.engines import Project, changes
from tests.scenarios.clock import Clock
from tests.scenarios.story import declare, live_keys

ROTATING = """
app = parallel.App("search")
key = parallel.RotatingApiKey("svc", app_id=app.app_id, rotate_after="30d", overlap="2d",
                              triggers={triggers}{options})
for name in ("previous_api_key_id", "previous_api_key_name", "previous_raw_api_key",
             "previous_expires_at", "previous_expires_time", "next_rotation_time"):
    value = getattr(key, name)
    value.apply(lambda known, name=name: print(f"{{name}} is known:", known is not None))
    pulumi.export(name, value)
"""


def test_absent_outputs_are_known_in_a_preview_without_changes(
    project: Project, emulator: Emulator
) -> None:
    """Exported `previous_*` are None, not unknown; with a previous key they have their values."""
    clock = Clock(project, emulator)
    declare(project, ROTATING.format(triggers=1, options=""))
    project.up()

    preview = project.preview()

    assert changes(preview) == {"same": 3}
    assert "previous_api_key_id is known: False" in preview.stdout
    assert "previous_raw_api_key is known: False" in preview.stdout
    assert "previous_expires_time is known: False" in preview.stdout
    assert "output<" not in preview.stdout
    clock.forward(days=30)
    project.up()
    assert "previous_api_key_id is known: True" in project.preview().stdout


def test_times_are_told_in_iso_8601_beside_the_seconds(
    project: Project, emulator: Emulator
) -> None:
    """Both are the same instant, in UTC."""
    clock = Clock(project, emulator)
    declare(project, ROTATING.format(triggers=1, options=""))
    project.up()
    clock.forward(days=30)
    result = project.up()
    outputs = project.resource("svc")["outputs"]
    for told, seconds in (
        ("next_rotation_time", outputs["next_rotation_at"]),
        ("previous_expires_time", outputs["previous_expires_at"]),
    ):
        expected = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))
        assert result.outputs[told].value == expected


@pytest.mark.parametrize(("path", "outcome"), [("triggers", "replace"), ("overlap", "update")])
def test_replace_on_changes_replaces_a_rotating_key(
    project: Project, emulator: Emulator, path: str, outcome: str
) -> None:
    """What is named there replaces the resource whole, in preview and in up; the rest rotates."""
    options = f', opts=pulumi.ResourceOptions(replace_on_changes=["{path}"])'
    declare(project, ROTATING.format(triggers=1, options=options))
    project.up()
    declare(project, ROTATING.format(triggers=2, options=options))

    assert changes(project.preview()) == {"same": 2, outcome: 1}
    assert changes(project.up()) == {"same": 2, outcome: 1}

    outputs = project.resource("svc")["outputs"]
    assert outputs["generation"] == {"replace": 1, "update": 2}[outcome]
    assert len(live_keys(emulator)) == {"replace": 1, "update": 2}[outcome]
    assert changes(project.up()) == {"same": 3}


def test_default_names_do_not_show_in_the_diff_of_an_update(project: Project) -> None:
    """That a name is a default is nothing to look at."""
    declare(project, ROTATING.format(triggers=1, options=""))
    project.up()
    declare(project, ROTATING.format(triggers=2, options=""))
    assert "default_" not in project.preview(diff=True).stdout
