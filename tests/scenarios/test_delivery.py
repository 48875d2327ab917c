"""Raw keys that a command stores, so that the state needn't have them."""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path

import pytest

from parallel_provider.testing.emulator import Emulator
from tests.engines import Project, changes, is_secret, plain
from tests.scenarios.clock import Clock
from tests.scenarios.story import in_words_of, live_keys, warnings

PROGRAM = """
import json
import parallel_provider as parallel

app = parallel.App("search")
settings = json.load(open("settings.json"))
parallel.{resource}("svc", app_id=app.app_id, **settings)
"""
# Appends its standard input and its variables to a file.
STORE = """
import json, os, sys
names = ("PARALLEL_API_KEY_ID", "PARALLEL_API_KEY_NAME", "PARALLEL_APP_ID")
with open(sys.argv[1], "a") as file:
    entry = {"value": sys.stdin.read(), "arguments": sys.argv} | {n: os.environ[n] for n in names}
    file.write(json.dumps(entry) + "\\n")
print("stored")
"""
FAIL = "import sys; sys.exit('the vault refuses ' + sys.stdin.read())"


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """Return the file that acts as the secret store."""
    return tmp_path / "store"


@pytest.fixture(params=["ApiKey", "RotatingApiKey"])
def resource(request: pytest.FixtureRequest) -> str:
    """Return each type of key resource."""
    return str(request.param)


def declare(project: Project, resource: str, **settings: object) -> None:
    """Write the program, with these arguments for the key."""
    if resource == "RotatingApiKey":
        settings = {"rotate_after": "30d", **settings}
    project.write(PROGRAM.format(resource=resource))
    project.write(json.dumps(settings), "settings.json")


def command(store: Path, code: str = STORE) -> list[str]:
    """Return a command that stores a key."""
    return [sys.executable, "-c", code, str(store)]


def delivered(store: Path) -> list[dict[str, str]]:
    """Return what the store got, in order."""
    return [json.loads(line) for line in store.read_text().splitlines()]


def test_delivered_key_needs_no_place_in_the_state(
    project: Project, emulator: Emulator, store: Path, resource: str
) -> None:
    """The command gets the key on its standard input. The state has only a fingerprint."""
    project.env |= emulator.environment
    declare(project, resource, deliver_command=command(store), keep_raw_api_key=False)
    result = project.up()
    (entry,) = delivered(store)
    outputs = project.resource("svc")["outputs"]
    assert is_secret(outputs["raw_api_key"])
    assert plain(outputs["raw_api_key"]) == ""
    digest = hashlib.sha256(entry["value"].encode()).hexdigest()
    assert outputs["raw_api_key_fingerprint"] == f"sha256:{digest}"
    assert outputs["display_value"].endswith(entry["value"][-4:])
    assert entry["PARALLEL_API_KEY_ID"] == outputs["api_key_id"]
    assert entry["value"] not in json.dumps(project.resources())
    assert entry["value"] not in result.stdout + result.stderr
    assert entry["value"] not in entry["arguments"]
    assert changes(project.up()) == {"same": 3}
    assert len(delivered(store)) == 1


def test_kept_key_is_delivered_too(
    project: Project, emulator: Emulator, store: Path, resource: str
) -> None:
    """By default, the state has the delivered key too. Removing it later creates no new key."""
    project.env |= emulator.environment
    declare(project, resource, deliver_command=command(store))
    project.up()
    (entry,) = delivered(store)
    assert plain(project.resource("svc")["outputs"]["raw_api_key"]) == entry["value"]
    declare(project, resource, deliver_command=command(store), keep_raw_api_key=False)
    assert changes(project.up()) == {"same": 2, "update": 1}
    assert plain(project.resource("svc")["outputs"]["raw_api_key"]) == ""
    assert changes(project.up()) == {"same": 3}
    assert len(delivered(store)) == 1


def test_key_that_was_never_delivered_is_delivered_before_it_leaves_the_state(
    project: Project, emulator: Emulator, store: Path, resource: str
) -> None:
    """If the delivery fails, the raw key stays in the state, and the next run tries again."""
    declare(project, resource)
    project.up()
    raw = plain(project.resource("svc")["outputs"]["raw_api_key"])
    declare(project, resource, deliver_command=command(store, FAIL), keep_raw_api_key=False)
    assert "the vault refuses ********" in project.fails("up")
    assert plain(project.resource("svc")["outputs"]["raw_api_key"]) == raw
    declare(project, resource, deliver_command=command(store), keep_raw_api_key=False)

    result = project.up()

    assert changes(result) == {"same": 2, "update": 1}
    (entry,) = delivered(store)
    [key] = emulator.state()["keys"]
    assert (entry["value"], entry["PARALLEL_API_KEY_ID"]) == (raw, key["api_key_id"])
    assert key["revoked_at"] is None
    assert raw not in json.dumps(project.resources()) + result.stdout + result.stderr
    assert changes(project.up()) == {"same": 3}
    assert len(delivered(store)) == 1


def test_key_of_before_is_delivered_once_there_is_a_command(
    project: Project, store: Path, resource: str
) -> None:
    """It needs no new key, also if the state keeps the raw key."""
    declare(project, resource)
    project.up()
    declare(project, resource, deliver_command=command(store))

    assert changes(project.up()) == {"same": 2, "update": 1}

    (entry,) = delivered(store)
    assert plain(project.resource("svc")["outputs"]["raw_api_key"]) == entry["value"]
    assert changes(project.up()) == {"same": 3}


def test_raw_key_that_is_to_be_kept_again_comes_with_the_next_key(
    project: Project, store: Path, resource: str
) -> None:
    """It can't be read again: each run says so, until `triggers` change."""
    declare(project, resource, deliver_command=command(store), keep_raw_api_key=False)
    project.up()
    declare(project, resource, deliver_command=command(store))

    result = project.up()

    assert changes(result) == {"same": 3}
    [warning] = warnings(result.stdout)
    assert "the raw key of 'svc'" in warning
    assert "can't be read again" in warning
    assert "Change `triggers` to get one" in warning
    declare(project, resource, deliver_command=command(store), triggers="now")
    assert "can't be read again" not in project.up().stdout
    outputs = project.resource("svc")["outputs"]
    assert plain(outputs["raw_api_key"]) == delivered(store)[-1]["value"]


def test_state_that_has_no_raw_key_at_all_changes_nothing(
    project: Project, emulator: Emulator, store: Path, resource: str
) -> None:
    """Earlier versions wrote no output where the state doesn't keep the key."""
    declare(project, resource, deliver_command=command(store), keep_raw_api_key=False)
    project.up()
    state = project.stack.export_stack().deployment
    [key] = [each for each in state["resources"] if each["urn"].endswith("::svc")]
    name = "raw_api_key" if project.provider == "dynamic" else "rawApiKey"
    assert is_secret(key["outputs"].pop(name))
    if project.provider == "native":
        key["outputs"][name] = None
    project.take_over(state)

    assert changes(project.preview()) == changes(project.up()) == {"same": 3}
    project.refresh()
    assert plain(project.resource("svc")["outputs"]["raw_api_key"]) == ""
    assert changes(project.up()) == {"same": 3}
    assert len(emulator.state()["keys"]) == len(delivered(store)) == 1


def test_previous_raw_key_stays_until_its_key_is_revoked_if_it_was_never_delivered(
    project: Project, emulator: Emulator, store: Path
) -> None:
    """A delivery would overwrite the current key in the store. A delivered one goes at once."""
    clock = Clock(project, emulator)
    rotating = "RotatingApiKey"
    declare(project, rotating)
    project.up()
    raw = plain(project.resource("svc")["outputs"]["raw_api_key"])
    settings = {"deliver_command": command(store), "keep_raw_api_key": False}
    declare(project, rotating, triggers=1, **settings)
    project.up()
    assert [entry["PARALLEL_API_KEY_NAME"] for entry in delivered(store)] == ["svc-2"]
    outputs = project.resource("svc")["outputs"]
    assert plain(outputs["raw_api_key"]) == ""
    assert plain(outputs["previous_raw_api_key"]) == raw
    assert changes(project.up()) == {"same": 3}
    clock.forward(days=1, seconds=1)

    project.up()

    assert "previous_raw_api_key" not in project.resource("svc")["outputs"]
    assert len(live_keys(emulator)) == 1
    declare(project, rotating, triggers=2, **settings)
    project.up()
    assert "previous_raw_api_key" not in project.resource("svc")["outputs"]
    assert len(live_keys(emulator)) == 2


def test_failed_delivery_revokes_the_new_key_and_keeps_the_old_one(
    project: Project, emulator: Emulator, store: Path, resource: str
) -> None:
    """No raw key is printed, the old key stays current, and the next run works."""
    project.env |= emulator.environment
    declare(project, resource, deliver_command=command(store), triggers=1)
    project.up()
    (first,) = delivered(store)
    declare(project, resource, deliver_command=command(store, FAIL), triggers=2)
    message = project.fails("up")
    assert "couldn't be delivered" in message
    assert "the vault refuses ********" in message
    assert "It was revoked again" in message
    old, new = emulator.state()["keys"]
    assert old["revoked_at"] is None
    assert new["revoked_at"] is not None
    assert plain(project.resource("svc")["outputs"]["raw_api_key"]) == first["value"]
    declare(project, resource, deliver_command=command(store), triggers=2)
    project.up()
    assert len(delivered(store)) == 2


def test_key_that_is_neither_delivered_nor_revoked_is_not_lost(
    project: Project, emulator: Emulator, store: Path, resource: str
) -> None:
    """The error names it. The native plugin keeps it in the state, and the next run delivers it."""
    declare(project, resource, deliver_command=command(store, FAIL))
    emulator.add_fault("status", method="DELETE", status=403)

    text = project.fails("up")

    [key] = emulator.state()["keys"]
    assert key["revoked_at"] is None
    assert f"the key 'svc' ({key['api_key_id']}) of app" in text
    assert "couldn't be revoked again either" in text
    kept = [each["id"] for each in project.resources() if each["type"].endswith(f":{resource}")]
    if project.provider == "dynamic":
        assert "revoke it in the Parallel console" in text
        assert kept == []
        return
    assert kept == [key["api_key_id"]]
    declare(project, resource, deliver_command=command(store))
    project.up()
    assert json.loads(store.read_text())["PARALLEL_API_KEY_ID"] == key["api_key_id"]
    assert [each["revoked_at"] for each in emulator.state()["keys"]] == [None]
    assert set(changes(project.preview())) == {"same"}


def test_changed_command_counts_from_the_next_key_on(
    project: Project, emulator: Emulator, store: Path, resource: str
) -> None:
    """A change of only the command delivers nothing and creates no key."""
    project.env |= emulator.environment
    declare(project, resource, deliver_command=command(store))
    project.up()
    elsewhere = store.with_name("elsewhere")
    declare(project, resource, deliver_command=command(elsewhere))
    assert changes(project.up()) == {"same": 3}
    assert not elsewhere.exists()
    declare(project, resource, deliver_command=command(elsewhere), triggers="now")
    project.up()
    assert len(delivered(elsewhere)) == 1


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"deliver_command": "gh secret set KEY"}, "must be a list of arguments"),
        ({"deliver_command": []}, "must be a list of arguments"),
        ({"deliver_command": ["", "x"]}, "must begin with a command"),
        ({"deliver_command": ["gh", 5]}, "must be made of text only"),
        ({"keep_raw_api_key": False}, "needs a deliver_command"),
        ({"keep_raw_api_key": "no"}, "must be true or false, not text"),
    ],
)
def test_bad_delivery_is_refused_in_preview(
    project: Project, emulator: Emulator, settings: dict[str, object], problem: str
) -> None:
    """An invalid command is refused before anything is created."""
    project.env |= emulator.environment
    declare(project, "ApiKey", **settings)
    [words] = in_words_of(project, problem)
    assert words in project.fails("preview")
    assert emulator.state()["keys"] == []
