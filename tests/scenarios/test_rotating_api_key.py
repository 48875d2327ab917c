"""RotatingApiKey from creation to destroy: previews, outputs, messages and working keys."""

from __future__ import annotations

from typing import Any

import pytest

from parallel_provider.testing.emulator import Emulator
from tests.engines import Project, changes, is_secret
from tests.scenarios import story
from tests.scenarios.clock import DAY, Clock
from tests.scenarios.story import CREATE_KEY, DELETE_KEY, in_words_of, live_keys, writes

PROGRAM = """
app = parallel.App("search")
key = parallel.RotatingApiKey("svc", app_id=app.app_id, {arguments})
for output in (
    "raw_api_key", "api_key_id", "api_key_name", "created_at", "generation", "next_rotation_at",
    "previous_api_key_id", "previous_raw_api_key", "previous_expires_at",
):
    pulumi.export(output, getattr(key, output))
"""
CONSUMER = 'parallel.ApiKey("consumer", app_id=app.app_id, triggers={"svc": key.api_key_id})\n'
MONTHLY = 'rotate_after="30d", overlap="2d"'


@pytest.fixture
def clock(project: Project, emulator: Emulator) -> Clock:
    """Return the clock of the scenario."""
    return Clock(project, emulator)


@pytest.fixture
def due(project: Project, clock: Clock) -> dict[str, Any]:
    """Make a key and let it become due. Return its outputs."""
    declare(project)
    project.up()
    clock.forward(days=30)
    return outputs(project)


def declare(project: Project, arguments: str = MONTHLY) -> None:
    """Write the program."""
    story.declare(project, PROGRAM.format(arguments=arguments))


def outputs(project: Project) -> dict[str, Any]:
    """Return the stack's outputs that have a value."""
    found = {name: output.value for name, output in project.stack.outputs().items()}
    return {name: value for name, value in found.items() if value is not None}


def alive(emulator: Emulator) -> list[str]:
    """Return the names of the keys that work, oldest first."""
    return [key["api_key_name"] for key in live_keys(emulator)]


def test_key_rotates_with_an_overlap_and_destroy_revokes_all(
    project: Project, emulator: Emulator, clock: Clock
) -> None:
    """It stays while it is young, is rotated in place, and is revoked after the overlap."""
    program = PROGRAM.format(arguments=MONTHLY) + CONSUMER
    story.declare(project, program)
    assert changes(project.up()) == {"create": 4}
    first = outputs(project)
    assert first["next_rotation_at"] == first["created_at"] + 30 * DAY
    assert not [name for name in first if name.startswith("previous_")]
    clock.forward(days=29)
    asked = emulator.state()["requests"]
    assert changes(project.up()) == {"same": 4}
    assert emulator.state()["requests"] == asked
    assert outputs(project) == first

    # The new key is created, and the dependent gets it. The old one goes on working.
    clock.forward(days=1)
    assert "'svc' is due to be rotated: it is 30d" in project.preview().stdout
    assert alive(emulator) == ["svc", "consumer"]
    rotated = project.up()
    assert changes(rotated) == {"same": 2, "update": 1, "replace": 1}
    second = outputs(project)
    assert (second["api_key_name"], second["generation"]) == ("svc-2", 2)
    assert second["raw_api_key"] != first["raw_api_key"]
    assert second["previous_raw_api_key"] == first["raw_api_key"]
    assert second["previous_api_key_id"] == first["api_key_id"]
    assert second["previous_expires_at"] == second["created_at"] + 2 * DAY
    for name in ("raw_api_key", "previous_raw_api_key"):
        assert rotated.outputs[name].secret
        assert is_secret(project.resource("svc")["outputs"][name])
    assert alive(emulator) == ["svc", "svc-2", "consumer"]
    assert project.resource("consumer")["inputs"]["triggers"] == {"svc": second["api_key_id"]}

    # After the overlap, only the old key is revoked.
    clock.forward(days=1)
    assert changes(project.up()) == {"same": 4}
    clock.forward(days=1)
    assert "the current key 'svc-2' stays" in project.preview().stdout
    assert changes(project.up()) == {"same": 3, "update": 1}
    assert alive(emulator) == ["svc-2", "consumer"]
    left = outputs(project)
    assert left["raw_api_key"] == second["raw_api_key"]
    assert not [name for name in left if name.startswith("previous_")]

    # A new name starts with a new first key.
    clock.forward(days=30)
    project.up()
    story.declare(project, program.replace(MONTHLY, f'{MONTHLY}, api_key_name="api"'))
    assert changes(project.up()) == {"same": 2, "replace": 2}
    assert alive(emulator) == ["api", "consumer"]
    project.destroy()
    assert alive(emulator) == []


def test_leaked_key_is_replaced_and_revoked_at_once(
    project: Project, emulator: Emulator, clock: Clock
) -> None:
    """With an overlap of 0s, a change of triggers revokes the old key in the same run."""
    declare(project, MONTHLY + ', triggers="first"')
    project.up()
    clock.forward(days=3)
    declare(project, 'rotate_after="30d", overlap="0s", triggers="leaked"')
    assert "its triggers have changed; with an overlap of 0s" in project.preview().stdout
    with writes(emulator) as made:
        assert changes(project.up()) == {"same": 2, "update": 1}
    assert alive(emulator) == ["svc-2"]
    assert [method for method, _ in made] == ["POST", "DELETE"]
    assert "previous_api_key_id" not in outputs(project)


def test_alias_makes_no_other_kind_of_a_key(project: Project, emulator: Emulator) -> None:
    """As an ApiKey, it would forget its previous key, which would then work for ever."""
    for number in (1, 2):
        declare(project, MONTHLY + f", triggers={number}")
        project.up()
    before = project.resource("svc")

    alias = f'pulumi.ResourceOptions(aliases=[pulumi.Alias(type_="{before["type"]}")])'
    arguments = f'app_id=app.app_id, api_key_name="svc-2", triggers=2, opts={alias}'
    story.declare(project, f'app = parallel.App("search")\nparallel.ApiKey("svc", {arguments})')
    says = "whose previous keys would be lost"
    for operation in ("preview", "up"):
        story.assert_fails(project, operation, says, resource="svc")

    assert project.resource("svc") == before
    assert alive(emulator) == ["svc", "svc-2"]


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


@pytest.mark.usefixtures("due")
def test_refresh_and_change_of_overlap_rotate_nothing(project: Project, emulator: Emulator) -> None:
    """Only age and triggers rotate. A longer overlap moves `previous_expires_at`."""
    project.refresh()
    assert alive(emulator) == ["svc"]
    project.up()
    # The same durations, spelled in other ways.
    delta = "__import__('datetime').timedelta(days=30)"
    for spelled in ('"P30D"', '"4w2d"', delta):
        declare(project, f'rotate_after={spelled}, overlap="PT48H"')
        assert changes(project.up()) == {"same": 3}
    declare(project, 'rotate_after="60d", overlap="5d"')
    assert changes(project.up()) == {"same": 2, "update": 1}
    moved = outputs(project)
    assert moved["previous_expires_at"] == moved["created_at"] + 5 * DAY
    assert moved["next_rotation_at"] == moved["created_at"] + 60 * DAY
    assert moved["generation"] == 2
    assert changes(project.up()) == {"same": 3}


def test_failed_rotation_and_failed_revocation_lose_no_key(
    project: Project, emulator: Emulator, clock: Clock, due: dict[str, Any]
) -> None:
    """Without a new key, the old one stays current. A key that can't be revoked is kept to retry.

    The run with a failed revocation succeeds with a warning.
    """
    method, _, path = CREATE_KEY.partition(" ")
    emulator.add_fault("status", method=method, path=path, status=402)
    assert "updating RotatingApiKey 'svc'" in project.fails("up")
    assert alive(emulator) == ["svc"]
    assert outputs(project)["raw_api_key"] == due["raw_api_key"]
    project.up()
    assert alive(emulator) == ["svc", "svc-2"]

    clock.forward(days=2)
    method, _, path = DELETE_KEY.partition(" ")
    emulator.add_fault("status", method=method, path=path, status=403)
    assert "couldn't be revoked" in project.up().stdout
    assert alive(emulator) == ["svc", "svc-2"]
    held = project.resource("svc")["outputs"]
    assert [key["api_key_name"] for key in held["keys_to_revoke"]] == ["svc"]
    assert changes(project.up()) == {"same": 2, "update": 1}
    assert alive(emulator) == ["svc-2"]
    assert changes(project.up()) == {"same": 3}


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
    project: Project, emulator: Emulator, arguments: str, problem: str
) -> None:
    """The error names the invalid duration, and shows valid ones."""
    declare(project, arguments)
    [words] = in_words_of(project, problem)
    assert words in project.fails("preview")
    assert alive(emulator) == []
