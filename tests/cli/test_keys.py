"""`parallel-provider keys`: what an operator sees of a stack's keys, from its exported state."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from parallel_provider.cli.keys import bar, keys_of
from tests.cli.conftest import Run

DAY = 86_400
NOW = 1_800_000_000
SIGNATURE = "4dabf18193072939515e22adb298388d"
SECRET = {SIGNATURE: "1b47061264138c4ac30d75fd1eb44270", "ciphertext": "v1"}


def rotating(name: str = "svc", *, stack: str = "prod", **outputs: object) -> dict[str, Any]:
    """Return a rotating key as the dynamic provider's state has it."""
    return {
        "urn": f"urn:pulumi:{stack}::shop::pulumi-python:dynamic/parallel:RotatingApiKey::{name}",
        "type": "pulumi-python:dynamic/parallel:RotatingApiKey",
        "inputs": {"__provider": SECRET},
        "outputs": {
            "app_name": "search",
            "api_key_id": f"id-of-{name}",
            "api_key_name": name,
            "created_at": NOW - 20 * DAY,
            "raw_api_key": SECRET,
            "raw_api_key_fingerprint": "sha256:1",
            "generation": 1,
            "overlap": "2d",
            "next_rotation_at": NOW + 10 * DAY,
            **outputs,
        },
    }


def native_key(name: str = "ci", *, stack: str = "prod") -> dict[str, Any]:
    """Return a key as the native plugin's state has it, with a name that is a secret."""
    return {
        "urn": f"urn:pulumi:{stack}::shop::parallel:index:ApiKey::{name}",
        "type": "parallel:index:ApiKey",
        "inputs": {"deliverCommand": ["store"]},
        "outputs": {
            "appName": "search",
            "apiKeyId": f"id-of-{name}",
            "apiKeyName": SECRET,
            "createdAt": NOW - 3600,
            "rawApiKeyFingerprint": "sha256:2",
            "delivered": ["sha256:1"],
        },
    }


def exported(*resources: dict[str, Any]) -> dict[str, Any]:
    """Return an exported stack that has these resources, and one of another provider."""
    other = {"urn": "urn:pulumi:prod::shop::random:index:Id::x", "type": "random:index:Id"}
    return {"version": 3, "deployment": {"resources": [other, *resources]}}


@pytest.mark.parametrize(
    ("outputs", "expected"),
    [
        ({}, (NOW + 10 * DAY, "rotates it", False)),
        ({"next_rotation_at": NOW - DAY}, (NOW - DAY, "rotates it", False)),
        ({"next_rotation_at": NOW - 27 * 3600}, (NOW - 27 * 3600, "rotates it", True)),
        (
            {"previous_api_key_name": "svc-1", "previous_expires_at": NOW + DAY},
            (NOW + DAY, "revokes 'svc-1'", False),
        ),
        (
            {"previous_api_key_name": "svc-1", "previous_expires_at": NOW - 2 * DAY},
            (NOW - 2 * DAY, "revokes 'svc-1'", True),
        ),
        (
            {
                "keys_to_revoke": [
                    {"api_key_id": "1", "api_key_name": "old", "retired_at": NOW - 5 * DAY}
                ]
            },
            (NOW - 3 * DAY, "revokes 'old'", True),
        ),
        (
            # a key that nobody has: its revocation fails, and no run is missing
            {"keys_to_revoke": [{"api_key_id": "1", "api_key_name": "stray", "retired_at": 0}]},
            (NOW, "revokes 'stray'", False),
        ),
    ],
)
def test_next_step_is_the_first_and_is_overdue_after_a_missed_night(
    outputs: dict[str, Any], expected: tuple[int, str, bool]
) -> None:
    """A nightly run may be two hours late."""
    [key] = keys_of(exported(rotating(**outputs)), NOW, 26 * 3600)
    assert (key.next_at, key.next, key.is_overdue) == expected


def test_both_doors_are_read_and_nothing_is_decrypted() -> None:
    """The keys are sorted by what happens next; a secret name isn't shown."""
    found = keys_of(exported(rotating(), native_key()), NOW, 0)
    assert [(key.resource, key.api_key_name, key.next) for key in found] == [
        ("ci", "[secret]", "delivers the key"),
        ("svc", "svc", "rotates it"),
    ]
    assert [key.is_delivered for key in found] == [False, None]


def test_imported_key_without_its_raw_key_waits_for_no_delivery() -> None:
    """Nobody can deliver what nobody has, so no alarm is raised for it."""
    imported = native_key()
    imported["outputs"] |= {"rawApiKeyFingerprint": "", "delivered": []}
    [key] = keys_of(exported(imported), NOW, DAY)
    assert (key.is_delivered, key.next, key.is_overdue) == (None, None, False)


def test_what_is_overdue_comes_before_what_is_due_now() -> None:
    """A key that is not delivered either says first what should have happened long ago."""
    late = {**rotating(next_rotation_at=NOW - 3 * DAY), "inputs": {"deliver_command": ["store"]}}
    [key] = keys_of(exported(late), NOW, 26 * 3600)
    assert (key.next, key.next_at) == ("rotates it", NOW - 3 * DAY)
    assert (key.is_overdue, key.is_delivered) == (True, False)


def test_replaced_key_that_is_left_is_shown_as_such() -> None:
    """An earlier run failed before it was revoked."""
    [key] = keys_of(exported({**rotating(), "delete": True}), NOW, 0)
    assert key.next == "revokes this replaced key"


def test_three_stacks_and_one_that_is_overdue(run: Run, tmp_path: Path) -> None:
    """Status 3, for an alarm that needs no access to Parallel. The times are today's."""
    files = []
    for stack, at in (("prod", 1), ("staging", 4_000_000_000), ("test", 4_000_000_000)):
        file = tmp_path / f"{stack}.json"
        file.write_text(json.dumps(exported(rotating(stack=stack, next_rotation_at=at))))
        files.append(str(file))

    result = run("keys", *files)
    as_json = run("keys", "--json", *files)

    assert (result.returncode, as_json.returncode) == (3, 3)
    heading, *lines = result.stdout.splitlines()
    assert heading.split()[:4] == ["STACK", "APP", "KEY", "GENERATION"]
    assert [line.split()[:3] for line in lines] == [
        ["prod", "search", "svc"],
        ["staging", "search", "svc"],
        ["test", "search", "svc"],
    ]
    assert "the next run rotates it, due for " in lines[0]
    assert result.stderr.startswith("Overdue: svc of prod. ")
    assert [key["is_overdue"] for key in json.loads(as_json.stdout)] == [True, False, False]
    assert run("keys", *files[1:]).returncode == 0


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "isn't JSON: give the output of `pulumi stack export`"),
        ("[" * 100_000, "isn't JSON"),
        # As Windows writes it, with a byte order mark: that is JSON too.
        ("\ufeff[]", "isn't an exported stack"),
        ("[]", "isn't an exported stack"),
        ('{"deployment": 1}', "isn't an exported stack"),
        (json.dumps(exported(rotating(created_at="x"))), "'svc' can't be read (created_at: "),
    ],
)
def test_what_is_no_exported_stack_is_refused_in_one_line(
    run: Run, tmp_path: Path, text: str, words: str
) -> None:
    """It names what to give it instead."""
    (tmp_path / "state").write_text(text)
    result = run("keys", str(tmp_path / "state"))
    assert (result.returncode, result.stdout) == (1, "")
    assert words in result.stderr
    assert result.stderr.count("\n") == 1


def test_odd_duration_is_refused(run: Run) -> None:
    """It is named with what is expected."""
    result = run("keys", "--late-after", "soon", "/dev/null")
    assert result.returncode == 2
    assert "--late-after" in result.stderr


def test_bar_shows_a_day_for_each_character() -> None:
    """The previous key beside the current one, the current key alone, and what comes after it."""
    key_of_state = rotating(previous_api_key_name="svc-1", previous_expires_at=NOW + 2 * DAY)
    [key] = keys_of(exported(key_of_state), NOW, 0)
    assert bar(key, NOW) == "▓" * 2 + "░" * 8 + "·" * 18
