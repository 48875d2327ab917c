"""What exists is in the state, even when its last step failed."""

from __future__ import annotations

import sys
from pathlib import Path

import grpc
import pytest
from pulumi.runtime.proto import provider_pb2 as proto
from pulumi.runtime.proto import status_pb2

from parallel_provider.plugin.values import from_struct
from parallel_provider.testing.emulator import Emulator
from tests.plugin.calls import Plugin, Props, assert_previewed, urn

KEY, SVC = urn("ApiKey", "ci"), urn("RotatingApiKey", "svc")
SAVE = "import pathlib, sys; pathlib.Path(sys.argv[1]).write_text(sys.stdin.read())"
SOME = proto.DiffResponse.DIFF_SOME


def save_to(store: Path) -> list[str]:
    """Return a command that keeps a key in a file. It fails if the file's folder isn't there."""
    return [sys.executable, "-c", SAVE, str(store)]


def init_error(error: grpc.RpcError) -> tuple[str, Props, str]:
    """Return the id, the outputs and the reason that the engine writes into the state."""
    [details_in_binary] = error.trailing_metadata()
    assert details_in_binary.key == "grpc-status-details-bin"
    status = status_pb2.Status.FromString(details_in_binary.value)
    details = proto.ErrorResourceInitFailed()
    assert status.details[0].Unpack(details)
    [reason] = details.reasons
    assert reason == error.details() == status.message
    return details.id, from_struct(details.properties), reason


def working(emulator: Emulator) -> list[str]:
    """Return the ids of the keys that aren't revoked."""
    return [key["api_key_id"] for key in emulator.state()["keys"] if key["revoked_at"] is None]


def fail_to_create(plugin: Plugin, emulator: Emulator, resource: str, news: Props) -> Props:
    """Create a key that is neither delivered nor revoked again, and return its outputs."""
    inputs, failures = plugin.check(resource, news)
    assert failures == []
    emulator.add_fault("status", method="DELETE", status=403)
    with pytest.raises(grpc.RpcError) as failure:
        plugin.create(resource, inputs)
    resource_id, outputs, reason = init_error(failure.value)
    assert working(emulator) == [resource_id]
    assert outputs["apiKeyId"] == resource_id
    assert "couldn't be delivered" in reason
    assert "It stays in the stack's state, and the next run goes on there" in reason
    assert not emulator.leaks_in(reason)
    return outputs


def test_replaced_key_works_until_the_new_one_is_delivered(
    plugin: Plugin, emulator: Emulator, app_id: str, tmp_path: Path
) -> None:
    """With --continue-on-error, Pulumi deletes the old key though the new one can't be updated."""
    store = tmp_path / "secrets" / "key"
    old_id, old = plugin.create(KEY, plugin.check(KEY, {"appId": app_id})[0])
    news: Props = {"appId": app_id, "triggers": "leaked", "deliverCommand": save_to(store)}
    emulator.add_fault("status", method="DELETE", status=403)
    with pytest.raises(grpc.RpcError) as failure:
        plugin.create(KEY, plugin.check(KEY, news)[0])
    new_id, new, _ = init_error(failure.value)

    plugin.begin_run()
    with pytest.raises(grpc.RpcError, match="exit code 1"):
        plugin.update(KEY, new, plugin.check(KEY, news)[0])
    with pytest.raises(grpc.RpcError, match="ApiKey 'ci' failed in this run"):
        plugin.delete(KEY, old)
    assert working(emulator) == [old_id, new_id]

    store.parent.mkdir()
    plugin.begin_run()
    plugin.update(KEY, new, plugin.check(KEY, news)[0])
    plugin.delete(KEY, old)
    assert working(emulator) == [new_id]


def test_key_that_is_left_stays_in_the_state_until_it_is_delivered(
    plugin: Plugin, emulator: Emulator, app_id: str, tmp_path: Path
) -> None:
    """It does so also if it isn't to be kept. Once it is delivered, the state has no raw key."""
    store = tmp_path / "secrets" / "key"
    news: Props = {"appId": app_id, "deliverCommand": save_to(store), "keepRawApiKey": False}
    left = fail_to_create(plugin, emulator, KEY, news)
    store.parent.mkdir()
    inputs, _ = plugin.check(KEY, news)

    expected = plugin.update(KEY, left, inputs, preview=True)
    updated = plugin.update(KEY, left, inputs)

    assert_previewed(expected, updated)
    assert updated["rawApiKey"] == ""
    assert store.read_text() == left["rawApiKey"]
    assert plugin.diff(KEY, updated, inputs).changes != SOME


def test_stray_key_of_a_rotation_is_revoked_by_the_next_run(
    plugin: Plugin, emulator: Emulator, app_id: str, tmp_path: Path
) -> None:
    """The current key stays the current one until a new one is delivered."""
    store = tmp_path / "key"
    news: Props = {"appId": app_id, "deliverCommand": save_to(store), "rotateAfter": "30d"}
    inputs, _ = plugin.check(SVC, news)
    _, first = plugin.create(SVC, inputs)
    failing: Props = {**inputs, "deliverCommand": save_to(tmp_path / "no" / "key"), "triggers": 1.0}
    emulator.add_fault("status", method="DELETE", status=403)

    with pytest.raises(grpc.RpcError) as failure:
        plugin.update(SVC, first, failing)

    _, left, _ = init_error(failure.value)
    [stray] = left["keysToRevoke"]
    assert working(emulator) == [first["apiKeyId"], stray["apiKeyId"]]
    changed = {name for name in left if left[name] != first[name]}
    assert changed == {"keysToRevoke", "creators"}
    rotated = plugin.update(SVC, left, {**inputs, "triggers": 1.0})
    assert store.read_text() == rotated["rawApiKey"]
    assert rotated["previousApiKeyId"] == first["apiKeyId"]
    assert working(emulator) == [first["apiKeyId"], rotated["apiKeyId"]]
