"""The provider protocol: what an engine gets for each call, against the emulator."""

from __future__ import annotations

import json
from typing import Any

import grpc
import pytest
from google.protobuf import empty_pb2
from pulumi.runtime.proto import provider_pb2 as proto

from parallel_provider.plugin.values import from_struct, to_struct
from parallel_provider.testing.emulator import Emulator
from parallel_provider.version import __version__
from tests.plugin.calls import Plugin, Props, create_rotating_key, urn
from tests.scenarios.story import Console
from tools.documents.schema import package_schema

APP, KEY, SVC = urn("App", "search"), urn("ApiKey", "ci"), urn("RotatingApiKey", "svc")
CREDIT = urn("BalanceTopUp", "credit")
SOME = proto.DiffResponse.DIFF_SOME
NONE = proto.DiffResponse.DIFF_NONE


def test_life_of_an_app_and_its_key(plugin: Plugin, emulator: Emulator) -> None:
    """Created, unchanged, read and deleted, with names in camelCase and defaults."""
    inputs, failures = plugin.check(APP, {})
    assert failures == []
    assert inputs == {"appName": "search", "adoptExisting": False}
    app_id, app = plugin.create(APP, inputs)
    assert len(app["seenBy"]) == 1
    assert app == {
        "seenBy": app["seenBy"],
        "appId": app_id,
        "appName": "search",
        "orgId": emulator.org_id,
        "orgName": emulator.state()["org"]["org_name"],
        "ownerId": app["ownerId"],
        "declaredExisting": False,
    }
    key_inputs, _ = plugin.check(KEY, {"appId": app_id, "triggers": {"a": [1, None]}})
    key_id, key = plugin.create(KEY, key_inputs)
    assert key["apiKeyId"] == key_id
    assert emulator.leaks_in(key["rawApiKey"]) == ["raw_api_key"]

    assert plugin.diff(APP, app, inputs).changes == NONE
    assert plugin.diff(KEY, key, key_inputs).changes == NONE
    assert plugin.read(KEY, key_id, key)[1] == key

    plugin.delete(KEY, key)
    plugin.delete(APP, app)
    assert plugin.read(APP, app_id, app) == ("", {}, {})


def test_whole_numbers_are_int_from_the_door_on() -> None:
    """On the wire, all numbers are floats."""
    sent = [2000.0, 1, 1.5, True]

    assert repr(from_struct(to_struct({"list": sent}))["list"]) == "[2000, 1, 1.5, True]"


def test_failed_check_speaks_the_callers_language(plugin: Plugin) -> None:
    """Names are in camelCase, and no property makes the engine print a value."""
    _, failures = plugin.check(
        CREDIT, {"amountCents": 1000.0, "whenBelowCents": 5.0, "amount_cents": 3.0}
    )

    assert failures[0] == "monthlyLimitCents is required together with whenBelowCents"
    assert "amount_cents is no input of BalanceTopUp: did you mean amountCents?" in failures


@pytest.mark.parametrize(
    "olds",
    [
        pytest.param({"appName": "first"}, id="by default, or given once"),
        pytest.param({"app_name": "first", "__provider": "text"}, id="of the dynamic provider"),
    ],
)
def test_name_stays_until_the_program_gives_another_one(plugin: Plugin, olds: Props) -> None:
    """A rename by `aliases`, or a name taken out of the program, replaces nothing that lives."""
    assert plugin.check(urn("App", "second"), {}, olds)[0]["appName"] == "first"
    assert plugin.check(urn("App", "second"), {"appName": "other"}, olds)[0]["appName"] == "other"


@pytest.mark.parametrize("name", ["appName", "app_name"])
def test_secret_name_does_not_stay_without_its_mark(plugin: Plugin, name: str) -> None:
    """The program doesn't say any more that it is a secret. States of both doors have it."""
    olds = to_struct({name: "first"}, {name})

    answer = plugin.stub.Check(proto.CheckRequest(urn=urn("App", "second"), olds=olds))

    assert from_struct(answer.inputs)["appName"] == "second"


def test_failed_check_of_a_resource_stops_deletions(plugin: Plugin, app_id: str) -> None:
    """What is deleted may be the key that it replaced in an earlier run."""
    inputs, key = create_rotating_key(plugin, app_id)
    _, failures = plugin.check(SVC, {**inputs, "rotateAfter": "soon"}, inputs)
    assert failures

    with pytest.raises(grpc.RpcError, match="'svc' failed in this run"):
        plugin.delete(SVC, key)


def test_update_without_a_difference_does_nothing(
    plugin: Plugin, emulator: Emulator, app_id: str
) -> None:
    """After a partial failure the engine calls it so. It declares no app as existing."""
    inputs, first = create_rotating_key(plugin, app_id)
    app_inputs, _ = plugin.check(APP, {})
    _, app = plugin.create(APP, app_inputs)
    before = emulator.state()["requests"]

    assert plugin.update(SVC, first, inputs) == first
    assert plugin.update(APP, app, app_inputs) == app
    assert emulator.state()["requests"] == before


def test_state_of_the_dynamic_provider_is_taken_over_without_a_request(
    plugin: Plugin, emulator: Emulator, app_id: str
) -> None:
    """One update writes the state in this provider's names; nothing is replaced."""
    inputs, native = create_rotating_key(plugin, app_id)
    native = plugin.update(SVC, native, {**inputs, "triggers": 1.0})
    dynamic: dict[str, Any] = {
        "".join(f"_{c.lower()}" if c.isupper() else c for c in name): value
        for name, value in native.items()
        if value is not None
    }
    dynamic["keys_to_revoke"] = [{"api_key_id": "1", "api_key_name": "old", "retired_at": 5.0}]
    dynamic["__provider"] = "text"
    before = emulator.state()["requests"]
    news = {**inputs, "triggers": 1.0}

    diff = plugin.diff(SVC, dynamic, news)
    updated = plugin.update(SVC, {**dynamic, "keys_to_revoke": []}, news)

    assert (diff.changes, list(diff.replaces)) == (SOME, [])
    assert updated == native
    assert plugin.diff(SVC, updated, news).changes == NONE
    assert emulator.state()["requests"] == before


@pytest.mark.parametrize("missing", ["appId", "orgId", "orgName"])
def test_damaged_state_of_an_app_is_not_read_anew(plugin: Plugin, missing: str) -> None:
    """It would forget that the app was declared as existing, and a destroy would delete it."""
    inputs, _ = plugin.check(APP, {"adoptExisting": True})
    app_id, app = plugin.create(APP, inputs)
    del app[missing]

    with pytest.raises(grpc.RpcError, match=f"aren't as this provider writes them .{missing}: "):
        plugin.read(APP, app_id, app)


def test_names_of_a_top_up_come_from_the_urn(plugin: Plugin, emulator: Emulator) -> None:
    """They are a part of its idempotency keys, and its charge needs the setting."""
    shop = urn("BalanceTopUp", "credit", "my:index:Shop$")
    _, failures = plugin.check(shop, {"amountCents": 1000.0})
    assert "switched off" in failures[0]
    plugin.configure({"maxTopUpCents": 1000.0}, name="mine")
    inputs, failures = plugin.check(shop, {"amountCents": 1000.0})
    assert failures == []

    resource_id, outputs = plugin.create(shop, inputs)

    assert resource_id == "/shop/prod/credit"
    assert (outputs["stack"], outputs["parentTypes"]) == ("prod", "my:index:Shop")
    [charge] = emulator.state()["charges"]
    assert charge["idempotency_key"] == outputs["lastIdempotencyKey"]
    assert plugin.diff(shop, outputs, inputs).changes == NONE


def test_refresh_says_why_it_drops_a_resource(plugin: Plugin, emulator: Emulator) -> None:
    """An app that was deleted, and its key: each message stands at its resource."""
    app_id, app = plugin.create(APP, plugin.check(APP, {})[0])
    key_id, key = plugin.create(KEY, plugin.check(KEY, {"appId": app_id})[0])
    Console(emulator).delete_app(app_id)
    plugin.begin_run()

    assert plugin.read(APP, app_id, app)[0] == plugin.read(KEY, key_id, key)[0] == ""

    gone = f"complete list of apps doesn't have app {app_id} ('search') any more, so it is gone"
    told = [(at, text.rpartition(": ")[2]) for at, text in plugin.log.messages if gone in text]
    assert told == [
        (APP, "App 'search' is removed from the stack's state."),
        (KEY, "ApiKey 'ci' is removed from the stack's state."),
    ]


def test_custom_timeouts_are_not_ignored_in_silence(plugin: Plugin) -> None:
    """A warning at the resource says what to set in their place."""
    for seconds in (0.0, 60.0):
        properties = to_struct(plugin.check(APP, {})[0])
        request = proto.CreateRequest(urn=APP, properties=properties, preview=True, timeout=seconds)
        plugin.stub.Create(request)

    assert [(at, text.partition(":")[0]) for at, text in plugin.log.messages] == [
        (APP, "customTimeouts have no effect here")
    ]


def test_plugin_says_its_version_and_schema(plugin: Plugin) -> None:
    """The engine asks for both before anything is configured."""
    assert plugin.stub.GetPluginInfo(empty_pb2.Empty()).version == __version__
    schema = plugin.stub.GetSchema(proto.GetSchemaRequest()).schema
    assert json.loads(schema) == package_schema()


@pytest.mark.parametrize(
    "type_",
    ["parallel:index:Application", "parallel:x/y:App", "parallel:index/app:App", "App", "x:App"],
)
def test_resource_of_another_type_is_refused(plugin: Plugin, app_id: str, type_: str) -> None:
    """It may be of a later version, or a spelling that no policy knows: nothing is done for it."""
    other = f"urn:pulumi:prod::shop::{type_}::x"
    with pytest.raises(grpc.RpcError, match=f"the package has no type {type_}: it has parallel:i"):
        plugin.delete(other, {"appId": app_id, "appName": "x"})
    with pytest.raises(grpc.RpcError, match="the package has no type"):
        plugin.check(other, {})
