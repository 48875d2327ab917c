"""Key outputs that are sometimes absent, in a preview and in a program."""

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
             "previous_expires_at"):
    value = getattr(key, name)
    value.apply(lambda known, name=name: print(f"{{name}} is known:", known is not None))
    pulumi.export(name, value)
"""
TIMES = """
for name in ("next_rotation_time", "previous_expires_time"):
    pulumi.export(name, getattr(key, name))
"""


@pytest.mark.providers("dynamic")  # the SDK takes None for unknown; our classes mend that
def test_absent_outputs_are_known_in_a_preview_without_changes(
    project: Project, emulator: Emulator
) -> None:
    """Exported `previous_*` are None and not unknown. With a previous key, they have its values."""
    clock = Clock(project, emulator)
    declare(project, ROTATING.format(triggers=1, options=""))
    project.up()

    preview = project.preview()

    assert changes(preview) == {"same": 3}
    assert "previous_api_key_id is known: False" in preview.stdout
    assert "previous_raw_api_key is known: False" in preview.stdout
    assert "output<" not in preview.stdout
    clock.forward(days=30)
    project.up()
    assert "previous_api_key_id is known: True" in project.preview().stdout


@pytest.mark.providers("dynamic")  # generated classes have no such properties
def test_times_are_told_in_iso_8601_beside_the_seconds(
    project: Project, emulator: Emulator
) -> None:
    """Both are the same instant, in UTC."""
    clock = Clock(project, emulator)
    declare(project, ROTATING.format(triggers=1, options="") + TIMES)
    project.up()
    assert "output<" not in project.preview().stdout
    clock.forward(days=30)
    result = project.up()
    outputs = project.resource("svc")["outputs"]
    for told, seconds in (
        ("next_rotation_time", outputs["next_rotation_at"]),
        ("previous_expires_time", outputs["previous_expires_at"]),
    ):
        expected = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))
        assert result.outputs[told].value == expected


@pytest.mark.parametrize(
    ("path", "change", "outcome"),
    [
        ("triggers", ("triggers=1", "triggers=2"), "replace"),
        ("overlap", ('overlap="2d"', 'overlap="1d"'), "replace"),
        ("rotate_after", ("triggers=1", "triggers=2"), "update"),
    ],
)
def test_replace_on_changes_replaces_a_rotating_key(
    project: Project, emulator: Emulator, path: str, change: tuple[str, str], outcome: str
) -> None:
    """A change of a listed input replaces the resource, in preview and up. Other changes rotate."""
    options = f', opts=pulumi.ResourceOptions(replace_on_changes=["{path}"])'
    program = ROTATING.format(triggers=1, options=options)
    declare(project, program)
    project.up()
    declare(project, program.replace(*change))

    assert changes(project.preview()) == {"same": 2, outcome: 1}
    assert changes(project.up()) == {"same": 2, outcome: 1}

    expected = {"replace": 1, "update": 2}[outcome]
    assert project.resource("svc")["outputs"]["generation"] == len(live_keys(emulator)) == expected
    assert changes(project.up()) == {"same": 3}


def test_refresh_while_a_rotation_is_due_shows_an_update_and_changes_nothing(
    project: Project, emulator: Emulator
) -> None:
    """The engine compares the inputs in a refresh too. After an up, it finds nothing."""
    clock = Clock(project, emulator)
    declare(project, ROTATING.format(triggers=1, options=""))
    project.up()
    clock.forward(days=30)
    before = project.resource("svc")["outputs"]

    assert changes(project.refresh()) == {"same": 2, "update": 1}

    assert project.resource("svc")["outputs"] == before
    assert len(live_keys(emulator)) == 1
    project.up()
    assert changes(project.refresh()) == {"same": 3}


def test_default_names_do_not_show_in_the_diff_of_an_update(project: Project) -> None:
    """The diff doesn't show that a name is a default."""
    declare(project, ROTATING.format(triggers=1, options=""))
    project.up()
    declare(project, ROTATING.format(triggers=2, options=""))
    assert "default_" not in project.preview(diff=True).stdout
