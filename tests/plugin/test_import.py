"""Resources that something else has created are imported, without a change at the server."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import grpc
import pytest

from parallel_provider.lifecycle.declare import UNKNOWN
from parallel_provider.testing.emulator import Emulator
from tests.plugin.calls import Plugin, Props, assert_previewed, urn
from tests.plugin.test_init_errors import save_to
from tests.plugin.test_provider import APP, CREDIT, KEY, NONE, SOME, SVC

RAW = "PARALLEL_IMPORT_RAW_API_KEY"
MALFORMED_IDS = ["", "x", "{app}", "{app}/", "{app}/id", "{app}/id/", "{app}//name", "//"]
MALFORMED_IDS += [
    "no-uuid/id/name",
    "{app}/ /name",
    "{app}/i d/name",
    "{app}/id/a\nb",
    "{app}/id/ ",
]
NO_RAW_KEYS = [
    json.dumps({"a": raw})
    for raw in [
        1,
        ["x"],
        "short",
        "two words here",
        "eyJhbGciOi.eyJzdWIi.c2ln",
        "rings-the-\x07-bell",
    ]
]
NO_RAW_KEYS += ['{"a": "same-raw-key", "b": "same-raw-key"}']


@pytest.fixture
def key_id(plugin: Plugin, app_id: str) -> str:
    """Return a key that no program manages."""
    key_id, _ = plugin.create(KEY, {"appId": app_id, "apiKeyName": "made-by-hand"})
    plugin.begin_run()
    return key_id


def first_run(plugin: Plugin, where: str, imported: tuple[str, Props, Props], news: Props) -> Props:
    """Do what the engine does in the first run after an import; return the outputs."""
    _, outputs, old_inputs = imported
    inputs, failures = plugin.check(where, news, old_inputs)
    assert failures == []
    if plugin.diff(where, outputs, inputs, old_inputs).changes == NONE:
        return outputs
    expected = plugin.update(where, outputs, inputs, old_inputs=old_inputs, preview=True)
    real = plugin.update(where, outputs, inputs, old_inputs=old_inputs)
    assert_previewed(expected, real)
    return real


def changes_at_the_server(emulator: Emulator) -> int:
    """Return the number of requests that may have changed something."""
    requests = emulator.state()["requests"]
    return sum(count for route, count in requests.items() if not route.startswith("GET"))


@pytest.mark.parametrize("where", [KEY, SVC])
def test_imported_key_is_declared_by_what_is_printed(
    plugin: Plugin, emulator: Emulator, key_id: str, where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its inputs pass the check and change nothing; its raw key is there and isn't logged."""
    app_id = emulator.state()["apps"][0]["app_id"]
    raw = f"raw-{key_id}"
    monkeypatch.setenv(RAW, f" {json.dumps({key_id: raw})}\n")
    before = changes_at_the_server(emulator)

    imported = plugin.read(where, f"{app_id}/{key_id}/made-by-hand")

    read_id, outputs, inputs = imported
    assert read_id == f"{app_id}/{key_id}/made-by-hand"
    assert outputs["apiKeyId"] == key_id
    assert outputs["rawApiKey"] == raw
    shown = {name: value for name, value in inputs.items() if not name.startswith("__")}
    assert shown["apiKeyName"] == "made-by-hand"
    assert first_run(plugin, where, imported, shown) == outputs
    assert plugin.read(where, read_id, outputs)[1] == outputs
    assert changes_at_the_server(emulator) == before
    assert not any(raw in text for _, text in plugin.log.messages)


def test_first_run_takes_over_what_only_the_program_knows(
    plugin: Plugin, emulator: Emulator, app_id: str, key_id: str
) -> None:
    """Triggers and durations are noted, and nothing is rotated or replaced. Later they count."""
    before = changes_at_the_server(emulator)
    base = {"appId": app_id, "triggers": {"quarter": 4.0}}
    imported = plugin.read(KEY, f"{app_id}/{key_id}/made-by-hand")
    key = first_run(plugin, KEY, imported, base)
    assert any(
        at == KEY and "`triggers` are taken over" in said for at, said in plugin.log.messages
    )
    assert (key["apiKeyName"], key["triggers"]) == ("made-by-hand", {"quarter": 4.0})
    plugin.begin_run()
    imported = plugin.read(SVC, f"{app_id}/{key_id}/svc-3")
    news = {**base, "apiKeyName": "svc", "rotateAfter": "30d", "overlap": "2d"}
    svc = first_run(plugin, SVC, imported, news)
    assert (svc["generation"], svc["nextRotationAt"]) == (3.0, svc["createdAt"] + 30 * 86400)
    assert changes_at_the_server(emulator) == before

    changed = plugin.diff(KEY, key, {**base, "apiKeyName": "made-by-hand", "triggers": 5.0}, base)
    assert list(changed.replaces) == ["triggers"]
    rotated = plugin.update(SVC, svc, {**news, "triggers": 5.0}, old_inputs=news)
    assert (rotated["apiKeyName"], rotated["previousApiKeyId"]) == ("svc-4", key_id)


def test_unknown_triggers_of_an_imported_key_replace_nothing(
    plugin: Plugin, app_id: str, key_id: str
) -> None:
    """A preview may not know them yet."""
    _, outputs, old_inputs = plugin.read(KEY, f"{app_id}/{key_id}/made-by-hand")
    news = {"appId": app_id, "apiKeyName": "made-by-hand", "triggers": {"a": UNKNOWN}}

    diff = plugin.diff(KEY, outputs, news, old_inputs)

    # The engine would replace because of a property that is named.
    assert (diff.changes, list(diff.replaces), list(diff.diffs)) == (SOME, [], [])


def test_first_run_with_another_name_is_refused(
    plugin: Plugin, emulator: Emulator, app_id: str, key_id: str
) -> None:
    """It would create a new key, and revoke the one that is in use."""
    _, outputs, inputs = plugin.read(KEY, f"{app_id}/{key_id}/made-by-hand")
    before = changes_at_the_server(emulator)

    with pytest.raises(grpc.RpcError, match="imported with apiKeyName 'made-by-hand'"):
        plugin.diff(KEY, outputs, {"appId": app_id, "apiKeyName": "other"}, inputs)
    _, outputs, inputs = plugin.read(APP, app_id)
    with pytest.raises(grpc.RpcError, match="replaces nothing: it was imported with appName"):
        plugin.diff(APP, outputs, {"appName": "other"}, inputs)

    assert changes_at_the_server(emulator) == before


def test_app_keeps_its_name_if_the_program_gives_none(plugin: Plugin, app_id: str) -> None:
    """The resource's own name, which is the default otherwise, would replace it."""
    _, outputs, inputs = plugin.read(urn("App", "mine"), app_id)
    checked, _ = plugin.check(urn("App", "mine"), {}, inputs)

    assert checked["appName"] == outputs["appName"]
    assert plugin.check(urn("App", "mine"), {}, checked)[0] == checked


def test_key_without_a_raw_key_says_so(plugin: Plugin, app_id: str, key_id: str) -> None:
    """Its output is an empty text; a warning stands at the resource."""
    _, outputs, _ = plugin.read(KEY, f"{app_id}/{key_id}/made-by-hand")

    assert outputs["rawApiKey"] == ""
    assert outputs["rawApiKeyFingerprint"] == ""
    assert any(
        where == KEY and RAW in text and "without its raw key" in text
        for where, text in plugin.log.messages
    )


@pytest.mark.parametrize("kind", ["ApiKey", "RotatingApiKey"])
@pytest.mark.parametrize("text", MALFORMED_IDS)
def test_malformed_id_is_refused(plugin: Plugin, app_id: str, kind: str, text: str) -> None:
    """The error says what form it has."""
    with pytest.raises(grpc.RpcError, match="imported by APP_ID/API_KEY_ID/API_KEY_NAME") as error:
        plugin.read(urn(kind, "x"), text.replace("{app}", app_id))
    assert "\n" not in (error.value.details() or "")


def test_name_of_an_imported_key_may_have_slashes(plugin: Plugin, app_id: str, key_id: str) -> None:
    """Only the first two separate."""
    _, outputs, _ = plugin.read(KEY, f"{app_id.upper()}/{key_id}/team/ci")
    assert (outputs["appId"], outputs["apiKeyName"]) == (app_id, "team/ci")


def test_key_of_an_app_that_is_not_there_is_refused(plugin: Plugin, key_id: str) -> None:
    """Also an app of another organization isn't there."""
    other = "00000000-0000-4000-8000-000000000000"
    with pytest.raises(grpc.RpcError, match=f"there is no app with the id {other}"):
        plugin.read(KEY, f"{other}/{key_id}/ci")


def test_top_up_is_not_importable(plugin: Plugin) -> None:
    """The API has no such thing."""
    with pytest.raises(grpc.RpcError, match="BalanceTopUp can't be imported"):
        plugin.read(CREDIT, "anything")


def test_key_without_a_raw_key_is_never_delivered(
    plugin: Plugin, app_id: str, key_id: str, tmp_path: Path
) -> None:
    """An empty text would take the place of the key that the store has."""
    store = tmp_path / "store"
    store.write_text("the key")
    imported = plugin.read(KEY, f"{app_id}/{key_id}/made-by-hand")
    news: Props = {"appId": app_id, "apiKeyName": "made-by-hand", "deliverCommand": save_to(store)}

    updated = first_run(plugin, KEY, imported, news)

    assert updated["rawApiKey"] == ""
    assert store.read_text() == "the key"


def test_each_key_gets_its_own_raw_key(
    plugin: Plugin, app_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A variable that somebody forgot to change gives no key the raw key of another."""
    monkeypatch.setenv(RAW, json.dumps({"one": "raw-key-1", "two": "raw-key-2"}))
    found = {
        each: plugin.read(KEY, f"{app_id}/{each}/ci")[1]["rawApiKey"]
        for each in ["one", "two", "three"]
    }
    assert found == {"one": "raw-key-1", "two": "raw-key-2", "three": ""}


@pytest.mark.parametrize(
    "value", ["the-raw-key-of-one", '"the-raw-key-of-one"', "{", "{}", "[" * 9999]
)
def test_variable_in_another_form_is_refused(
    plugin: Plugin, app_id: str, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    """Also a bare raw key. The error shows the form, and never the value."""
    monkeypatch.setenv(RAW, value)
    with pytest.raises(grpc.RpcError, match=f'{RAW} must be .*"API_KEY_ID": "RAW_API') as error:
        plugin.read(KEY, f"{app_id}/one/ci")
    assert "raw-key-of-one" not in str(error.value)


@pytest.mark.parametrize("value", NO_RAW_KEYS)
def test_raw_key_that_cannot_be_one_is_refused(
    plugin: Plugin, app_id: str, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    """The error names the variable, and never its value."""
    monkeypatch.setenv(RAW, value)
    with pytest.raises(grpc.RpcError, match=RAW) as error:
        plugin.read(KEY, f"{app_id}/one/ci")
    details: Any = error.value.details()
    for raw in ("same-raw-key", "eyJ", "short", "two words", "rings-the"):
        assert raw not in details
