"""Previews and differences: what an engine is told before anything is done."""

from __future__ import annotations

from pulumi.runtime.proto import provider_pb2 as proto

from parallel_provider.lifecycle.declare import UNKNOWN
from parallel_provider.testing.emulator import Emulator
from tests.plugin.calls import INTERNAL, Plugin, assert_previewed, create_rotating_key, urn

SVC = urn("RotatingApiKey", "svc")
SOME, NONE = proto.DiffResponse.DIFF_SOME, proto.DiffResponse.DIFF_NONE
DAY = 86_400


def test_preview_of_a_create_knows_what_can_be_known(plugin: Plugin) -> None:
    """The server's values are unknown; absent outputs are null."""
    inputs = {"appId": UNKNOWN, "apiKeyName": "svc", "rotateAfter": "30d", "overlap": "1d"}

    resource_id, outputs = plugin.create(SVC, inputs, preview=True)

    assert resource_id == ""
    assert outputs["apiKeyName"] == "svc"
    assert outputs["rotateAfter"] == "30d"
    assert outputs["rawApiKey"] is UNKNOWN
    assert outputs["appId"] is UNKNOWN
    assert outputs["previousApiKeyId"] is None
    assert outputs["generation"] == 1


def test_preview_shows_no_internal_outputs(plugin: Plugin, app_id: str) -> None:
    """Programs can't use them. They stand in what a real run returns."""
    inputs, first = create_rotating_key(plugin, app_id)

    _, created = plugin.create(SVC, inputs, preview=True)
    updated = plugin.update(SVC, first, {**inputs, "triggers": "leaked"}, preview=True)

    assert first.keys() >= INTERNAL
    assert INTERNAL.isdisjoint(created)
    assert INTERNAL.isdisjoint(updated)


def test_preview_of_a_create_knows_that_the_raw_key_is_not_kept(plugin: Plugin) -> None:
    """It is delivered then, and the output is an empty text, as after the run."""
    inputs = {"appId": UNKNOWN, "apiKeyName": "svc", "rotateAfter": "30d", "overlap": "1d"}

    _, outputs = plugin.create(
        SVC, {**inputs, "deliverCommand": ["store"], "keepRawApiKey": False}, preview=True
    )

    assert outputs["rawApiKey"] == ""


def test_preview_of_a_retirement_knows_the_whole_current_key(plugin: Plugin, app_id: str) -> None:
    """Only the previous key's outputs change: nothing that depends on the current key does."""
    inputs, first = create_rotating_key(plugin, app_id)
    second = plugin.update(SVC, first, {**inputs, "triggers": "leaked"})
    assert second["previousApiKeyId"] == first["apiKeyId"]
    news = {**inputs, "triggers": "leaked", "overlap": "0s"}

    expected = plugin.update(SVC, second, news, preview=True)
    real = plugin.update(SVC, second, news)

    assert_previewed(expected, real)
    assert real["previousApiKeyId"] is None
    changed = {name for name in real if real[name] != second[name]}
    assert changed == {
        "overlap",
        "previousApiKeyId",
        "previousApiKeyName",
        "previousExpiresAt",
        "previousRawApiKey",
    }


def test_preview_of_a_rotation_knows_the_previous_key(plugin: Plugin, app_id: str) -> None:
    """The current key becomes the previous one; the new one's values are unknown."""
    inputs, first = create_rotating_key(plugin, app_id)
    news = {**inputs, "triggers": "leaked"}

    expected = plugin.update(SVC, first, news, preview=True)
    real = plugin.update(SVC, first, news)

    unknown = {name for name, value in expected.items() if value is UNKNOWN}
    assert {name: real[name] for name in expected if name not in unknown} == {
        name: value for name, value in expected.items() if name not in unknown
    }
    assert {"apiKeyId", "rawApiKey", "createdAt", "nextRotationAt"} <= unknown
    assert expected["apiKeyName"] == "svc-2"
    assert expected["previousRawApiKey"] == first["rawApiKey"]


def test_diff_says_why_a_key_is_rotated_or_retired(
    plugin: Plugin, emulator: Emulator, app_id: str
) -> None:
    """No input has changed then: the engine shows the one that makes it due."""
    inputs, first = create_rotating_key(plugin, app_id)
    old = {**first, "createdAt": first["createdAt"] - 31 * DAY}
    assert list(plugin.diff(SVC, old, inputs).detailedDiff) == ["rotateAfter"]
    emulator.set_clock(-2 * DAY)
    rotated = plugin.update(SVC, first, {**inputs, "triggers": "leaked"})
    emulator.set_clock(0)
    due = plugin.diff(SVC, rotated, {**inputs, "triggers": "leaked"})
    assert {name: diff.inputDiff for name, diff in due.detailedDiff.items()} == {"overlap": True}


def test_diff_names_the_inputs_that_change_and_replace(plugin: Plugin, app_id: str) -> None:
    """The engine shows them, and replaces because of them."""
    inputs, first = create_rotating_key(plugin, app_id)

    rotated = plugin.diff(SVC, first, {**inputs, "triggers": "leaked"})
    assert (rotated.changes, list(rotated.replaces)) == (SOME, [])
    assert dict(rotated.detailedDiff)["triggers"].inputDiff
    replaced = plugin.diff(SVC, first, {**inputs, "apiKeyName": "other"})
    assert list(replaced.replaces) == ["apiKeyName"]
    assert plugin.diff(SVC, first, {**inputs, "rotateAfter": "720h"}).changes == NONE
