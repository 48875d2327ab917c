"""examples/secret_stores: each program's key is in its store only."""

from __future__ import annotations

import base64
import hashlib
import json
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import yaml  # type: ignore[import-untyped] # no stubs among what the tests may need

from parallel_provider.testing.emulator import Emulator
from tests.engines import Project, changes
from tests.examples.stand_ins import Call, StandIns
from tests.scenarios.clock import Clock
from tests.scenarios.story import live_keys

EXAMPLES = Path(__file__).parents[2] / "examples" / "secret_stores"

# The command fails while a file of this name is beside it.
_FAIL = """
if os.path.exists(os.path.join(os.path.dirname(__file__), "down")):
    sys.exit("the store is down")
"""
_KUBECTL = """
import base64
if entry["arguments"][0] == "create":
    encoded = base64.b64encode(entry["input"].encode()).decode()
    print(json.dumps({"kind": "Secret", "data": {"api-key": encoded}}))
elif not entry["input"]:
    sys.exit("error: no objects passed to apply")
"""


@dataclass(frozen=True)
class Store:
    """A program, and how it stores its key."""

    folder: str
    command: str
    arguments: list[str]
    config: dict[str, str] = field(default_factory=dict)
    code: str = ""
    stored: Callable[[Call], str] = lambda call: call.input


def _of_manifest(call: Call) -> str:
    return base64.b64decode(yaml.safe_load(call.input)["data"]["api-key"]).decode()


STORES = [
    Store(
        "github",
        "gh",
        ["secret", "set", "PARALLEL_API_KEY", "--repo", "acme/search"],
        {"repository": "acme/search"},
    ),
    Store("vault", "vault", ["kv", "put", "-mount=secret", "parallel/search", "api_key=-"]),
    Store(
        "kubernetes",
        "kubectl",
        ["apply", "--server-side", "--namespace=search", "--filename=-"],
        {"namespace": "search"},
        _KUBECTL,
        _of_manifest,
    ),
]


@dataclass(frozen=True)
class Shop:
    """A program that is set up, and its fake commands."""

    store: Store
    project: Project
    commands: StandIns
    clock: Clock

    @property
    def delivered(self) -> list[str]:
        """The keys that the store got, in order."""
        calls = [call for call in self.commands.calls if call.arguments == self.store.arguments]
        # If the first command of a pipe fails, the second one gets no input.
        return [self.store.stored(call) for call in calls if call.input]

    @property
    def fingerprint(self) -> str:
        """The fingerprint of the current key in the state."""
        return str(self.project.stack.outputs()["fingerprint"].value)

    @property
    def down(self) -> Path:
        """While this file exists, the store refuses everything."""
        return self.commands.folder / "down"


@pytest.fixture(params=STORES, ids=lambda store: store.folder)
def shop(
    request: pytest.FixtureRequest, project: Project, emulator: Emulator, tmp_path: Path
) -> Shop:
    """Set up one of the programs, with a fake command for its store."""
    store: Store = request.param
    commands = StandIns(tmp_path / "bin")
    commands.add(store.command, _FAIL + store.code)
    project.copy(EXAMPLES / store.folder)
    path = os.pathsep.join([str(commands.folder), os.environ["PATH"]])
    project.env |= emulator.environment | {"PATH": path}
    for name, value in store.config.items():
        project.config(name, value)
    return Shop(store, project, commands, Clock(project, emulator))


def fingerprint(raw_api_key: str) -> str:
    """Return the fingerprint of a key, as docs/secret-stores.md defines it."""
    return f"sha256:{hashlib.sha256(raw_api_key.encode()).hexdigest()}"


def test_store_gets_each_key_and_nothing_else_has_it(shop: Shop, emulator: Emulator) -> None:
    """The store has the first key and the next one. State, output and arguments have neither."""
    said = shop.project.up().stdout
    assert shop.fingerprint == fingerprint(shop.delivered[0])

    shop.clock.forward(days=31)
    said += shop.project.up().stdout
    assert len(shop.delivered) == 2
    assert shop.fingerprint == fingerprint(shop.delivered[1])
    assert len(live_keys(emulator)) == 2

    assert changes(shop.project.up()) == {"same": 3}
    assert len(shop.delivered) == 2

    state = json.dumps(shop.project.resources())
    arguments = " ".join(word for call in shop.commands.calls for word in call.arguments)
    for raw_api_key in shop.delivered:
        encoded = base64.b64encode(raw_api_key.encode()).decode()
        for text in (raw_api_key, encoded):
            assert text not in said + state + arguments


def test_store_that_is_down_leaves_the_old_key_current(shop: Shop, emulator: Emulator) -> None:
    """The new key is revoked, the error gives the reason, and the next run delivers."""
    shop.project.up()
    current, keys = shop.fingerprint, live_keys(emulator)
    shop.clock.forward(days=31)
    shop.down.touch()
    message = shop.project.fails("up")
    assert "couldn't be delivered" in message
    assert "It was revoked again" in message
    assert shop.fingerprint == current
    assert live_keys(emulator) == keys

    shop.down.unlink()
    shop.project.up()
    assert shop.fingerprint == fingerprint(shop.delivered[-1])
    assert len(live_keys(emulator)) == 2
