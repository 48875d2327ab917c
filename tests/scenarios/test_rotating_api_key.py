"""RotatingApiKey from creation to destroy: previews, outputs, messages and working keys."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from parallel_provider.emulator.control_models import KeyState
from parallel_provider.testing.emulator import Emulator
from tests.engines import Project, changes, is_secret
from tests.scenarios.clock import DAY, Clock
from tests.scenarios.story import in_words_of

PROGRAM = """
import pulumi
import parallel_provider as parallel

app = parallel.App("search")
key = parallel.RotatingApiKey("svc", app_id=app.app_id, {arguments})
consumer = parallel.ApiKey("consumer", app_id=app.app_id, triggers={{"svc": key.api_key_id}})
for output in (
    "raw_api_key", "api_key_id", "api_key_name", "created_at", "generation", "next_rotation_at",
    "previous_api_key_id", "previous_raw_api_key", "previous_expires_at",
):
    pulumi.export(output, getattr(key, output))
"""
MONTHLY = 'rotate_after="30d", overlap="2d"'


@pytest.fixture
def clock(project: Project, emulator: Emulator) -> Clock:
    """Return the clock of the scenario."""
    project.env |= emulator.environment
    return Clock(project, emulator)


def declare(project: Project, arguments: str = MONTHLY, *, consumer: bool = False) -> None:
    """Write the program, with or without a resource that depends on the key."""
    source = PROGRAM.format(arguments=arguments)
    if not consumer:
        source = "\n".join(line for line in source.splitlines() if "consumer" not in line)
    project.write(source)


def outputs(project: Project) -> dict[str, Any]:
    """Return the stack's outputs that have a value."""
    found = {name: output.value for name, output in project.stack.outputs().items()}
    return {name: value for name, value in found.items() if value is not None}


def keys(emulator: Emulator, name: str = "svc") -> dict[str, KeyState]:
    """Return the keys of all generations, by name."""
    return {
        key["api_key_name"]: key
        for key in emulator.state()["keys"]
        if key["api_key_name"].split("-")[0] == name
    }


def alive(emulator: Emulator) -> list[str]:
    """Return the names of the generations that work."""
    return [name for name, key in keys(emulator).items() if key["revoked_at"] is None]


def test_young_key_stays_and_says_when_it_rotates(
    project: Project, emulator: Emulator, clock: Clock
) -> None:
    """Until `rotate_after`, nothing is updated and no request is made."""
    declare(project)
    assert changes(project.up()) == {"create": 3}
    first = outputs(project)
    assert first["next_rotation_at"] == first["created_at"] + 30 * DAY
    assert "previous_api_key_id" not in first
    clock.forward(days=29)
    asked = emulator.state()["requests"]
    assert changes(project.up()) == {"same": 3}
    assert emulator.state()["requests"] == asked
    assert outputs(project) == first


def test_old_key_rotates_in_place_and_dependents_get_the_new_one(
    project: Project, emulator: Emulator, clock: Clock
) -> None:
    """The preview gives the reason. Up creates the new key first and keeps the old one working."""
    declare(project, consumer=True)
    project.up()
    first = outputs(project)
    clock.forward(days=30)
    preview = project.preview()
    assert "'svc' is due to be rotated: it is 30d" in preview.stdout
    assert alive(emulator) == ["svc"]
    assert changes(project.up()) == {"same": 2, "update": 1, "replace": 1}
    second = outputs(project)
    assert (second["api_key_name"], second["generation"]) == ("svc-2", 2)
    assert second["raw_api_key"] != first["raw_api_key"]
    assert second["previous_raw_api_key"] == first["raw_api_key"]
    assert second["previous_api_key_id"] == first["api_key_id"]
    assert second["previous_expires_at"] == second["created_at"] + 2 * DAY
    assert alive(emulator) == ["svc", "svc-2"]
    consumer = project.resource("consumer")
    assert consumer["inputs"]["triggers"] == {"svc": second["api_key_id"]}


def test_previous_key_retires_after_the_overlap(
    project: Project, emulator: Emulator, clock: Clock
) -> None:
    """The run after the overlap revokes only the old key, and says that the current key stays."""
    declare(project)
    project.up()
    clock.forward(days=30)
    project.up()
    second = outputs(project)
    clock.forward(days=1)
    assert changes(project.up()) == {"same": 3}
    clock.forward(days=1)
    assert "the current key 'svc-2' stays" in project.preview().stdout
    assert changes(project.up()) == {"same": 2, "update": 1}
    assert alive(emulator) == ["svc-2"]
    left = outputs(project)
    assert left["raw_api_key"] == second["raw_api_key"]
    assert not [name for name in left if name.startswith("previous_")]


def test_both_raw_keys_are_secrets(project: Project, emulator: Emulator, clock: Clock) -> None:
    """The state has neither the current nor the previous raw key in plain text."""
    declare(project)
    project.up()
    clock.forward(days=30)
    result = project.up()
    assert result.outputs["raw_api_key"].secret
    assert result.outputs["previous_raw_api_key"].secret
    held = project.resource("svc")["outputs"]
    assert is_secret(held["raw_api_key"])
    assert is_secret(held["previous_raw_api_key"])
    for secret in (held["raw_api_key"], held["previous_raw_api_key"]):
        assert secret["plaintext"].strip('"') not in result.stdout
    assert alive(emulator) == ["svc", "svc-2"]


def test_leaked_key_is_replaced_and_revoked_at_once(
    project: Project, emulator: Emulator, clock: Clock
) -> None:
    """With an overlap of 0s, a change of triggers revokes the old key in the same run."""
    declare(project, MONTHLY + ', triggers="first"')
    project.up()
    clock.forward(days=3)
    declare(project, 'rotate_after="30d", overlap="0s", triggers="leaked"')
    assert "its triggers have changed; with an overlap of 0s" in project.preview().stdout
    assert changes(project.up()) == {"same": 2, "update": 1}
    assert alive(emulator) == ["svc-2"]
    calls = [entry["method"] for entry in emulator.state()["log"]][-2:]
    assert calls == ["POST", "DELETE"]
    assert "previous_api_key_id" not in outputs(project)


def test_second_trigger_within_the_overlap_revokes_nothing_early(
    project: Project, emulator: Emulator, clock: Clock
) -> None:
    """Each retired key keeps its own overlap, even if the next rotation comes early."""
    for number in (1, 2, 3):
        declare(project, MONTHLY + f", triggers={number}")
        project.up()
        clock.forward(days=0.75)
    assert alive(emulator) == ["svc", "svc-2", "svc-3"]
    clock.forward(days=0.51)  # the first key was retired at 0.75, and it is 2.76 now
    project.up()
    assert alive(emulator) == ["svc-2", "svc-3"]
    clock.forward(days=0.75)
    project.up()
    assert alive(emulator) == ["svc-3"]


def test_refresh_and_change_of_overlap_rotate_nothing(
    project: Project, emulator: Emulator, clock: Clock
) -> None:
    """Only age and triggers rotate. A longer overlap moves `previous_expires_at`."""
    declare(project)
    project.up()
    clock.forward(days=30)
    project.refresh()
    assert alive(emulator) == ["svc"]
    project.up()
    declare(project, 'rotate_after="60d", overlap="5d"')
    assert changes(project.up()) == {"same": 2, "update": 1}
    moved = outputs(project)
    assert moved["previous_expires_at"] == moved["created_at"] + 5 * DAY
    assert moved["next_rotation_at"] == moved["created_at"] + 60 * DAY
    assert moved["generation"] == 2
    assert changes(project.up()) == {"same": 3}


def test_other_spelling_of_a_duration_changes_nothing(
    project: Project, emulator: Emulator, clock: Clock
) -> None:
    """A text, a timedelta and ISO 8601 can be the same duration."""
    declare(project)
    project.up()
    clock.forward(days=1)
    week_and_days = f"timedelta(seconds={timedelta(days=30).total_seconds():.0f})"
    for spelled in ('"P30D"', '"4w2d"', f"__import__('datetime').{week_and_days}"):
        declare(project, f'rotate_after={spelled}, overlap="PT48H"')
        assert changes(project.up()) == {"same": 3}
    assert alive(emulator) == ["svc"]


def test_failed_revocation_keeps_the_new_key_and_is_tried_again(
    project: Project, emulator: Emulator, clock: Clock
) -> None:
    """The run succeeds with a warning; the key stays on the list until it is revoked."""
    declare(project)
    project.up()
    clock.forward(days=30)
    project.up()
    clock.forward(days=2)
    emulator.add_fault(
        method="DELETE",
        path="/service/v1/apps/{app_id}/keys/{api_key_id}",
        kind="status",
        status=403,
        body='{"detail": "not now"}',
    )
    result = project.up()
    assert "couldn't be revoked" in result.stdout
    assert alive(emulator) == ["svc", "svc-2"]
    held = project.resource("svc")["outputs"]
    assert [key["api_key_name"] for key in held["keys_to_revoke"]] == ["svc"]
    assert changes(project.up()) == {"same": 2, "update": 1}
    assert alive(emulator) == ["svc-2"]
    assert changes(project.up()) == {"same": 3}


def test_failed_rotation_keeps_the_current_key(
    project: Project, emulator: Emulator, clock: Clock
) -> None:
    """If no new key can be created, the old one stays current, and the next run rotates."""
    declare(project)
    project.up()
    first = outputs(project)
    clock.forward(days=30)
    emulator.add_fault(
        method="POST", path="/service/v1/apps/{app_id}/keys", kind="status", status=402
    )
    assert "updating RotatingApiKey 'svc'" in project.fails("up")
    assert alive(emulator) == ["svc"]
    assert outputs(project)["raw_api_key"] == first["raw_api_key"]
    project.up()
    assert alive(emulator) == ["svc", "svc-2"]


def test_rename_replaces_and_destroy_revokes_every_key(
    project: Project, emulator: Emulator, clock: Clock
) -> None:
    """A new name starts with a new first key. Destroy leaves no working key."""
    declare(project)
    project.up()
    clock.forward(days=30)
    project.up()
    declare(project, MONTHLY + ', api_key_name="api"')
    assert changes(project.up()) == {"same": 2, "replace": 1}
    assert alive(emulator) == []
    assert list(keys(emulator, "api")) == ["api"]
    project.destroy()
    assert all(key["revoked_at"] is not None for key in emulator.state()["keys"])


def test_reason_of_a_rotation_is_the_present_rotate_after(project: Project, clock: Clock) -> None:
    """If it was just changed, the reason has the new value and says so."""
    declare(project)
    project.up()
    clock.forward(days=7)
    declare(project, 'rotate_after="5d", overlap="2d"')

    preview = project.preview()

    [words] = in_words_of(project, "old, and rotate_after is 5d now.")
    assert "'svc' is due to be rotated: it is 7d" in preview.stdout
    assert words in preview.stdout


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ('rotate_after="soon"', "has a problem: rotate_after must be a duration"),
        ('rotate_after="1d", overlap="2d"', "must be at most rotate_after (1d)"),
        ('rotate_after="12h"', 'rotate_after (12h), and is 1d if it isn\'t set: set it to "12h"'),
    ],
)
def test_bad_duration_is_refused_in_preview(
    project: Project, emulator: Emulator, clock: Clock, arguments: str, problem: str
) -> None:
    """The error names the invalid duration, and shows valid ones."""
    del clock
    declare(project, arguments)
    [words] = in_words_of(project, problem)
    assert words in project.fails("preview")
    assert alive(emulator) == []
