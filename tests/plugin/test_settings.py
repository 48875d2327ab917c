"""The settings of a provider: its arguments, the stack's configuration, and the environment."""

from __future__ import annotations

from typing import Any

import grpc
import pytest
from pulumi.runtime.proto import provider_pb2 as proto

from parallel_provider.plugin.values import secrets_in, to_struct
from parallel_provider.testing.emulator import Emulator
from tests.plugin.calls import Plugin, urn

APP, CREDIT = urn("App", "search"), urn("BalanceTopUp", "credit")
NAMES = pytest.mark.parametrize("name", ["mine", "default", "default_0_1_0", "default_x"])
MEANT = "allows 'org_meant' only"


@pytest.fixture(autouse=True)
def environment(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sign in to the emulator by the environment."""
    for name, value in emulator.environment.items():
        monkeypatch.setenv(name, value)


def create(plugin: Plugin) -> dict[str, Any]:
    """Create an app, and return its outputs."""
    return plugin.create(APP, {"appName": "search"})[1]


def why_not_charged(plugin: Plugin, cents: int) -> str:
    """Return why a top-up of this amount is refused, or an empty text."""
    return " ".join(plugin.check(CREDIT, {"amountCents": float(cents)})[1])


@NAMES
def test_name_of_a_provider_changes_nothing(emulator: Emulator, name: str) -> None:
    """Its arguments count, not the stack's settings, also in a later destroy."""
    other = emulator.add_org()
    stack = {"accessToken": other["access_token"], "serviceApiUrl": "http://127.0.0.1:9"}
    own = {"accessToken": emulator.access_token, "serviceApiUrl": emulator.url}
    with Plugin(stack) as plugin:
        stored = plugin.configure(own, name)
        assert create(plugin)["orgId"] == emulator.org_id
    with Plugin({**stack, "timeoutSeconds": "5"}) as plugin:
        plugin.configure_from_state(stored, name)
        assert create(plugin)["orgId"] == emulator.org_id


@NAMES
def test_provider_without_arguments_takes_nothing_but_guards_from_the_stack(
    emulator: Emulator, name: str
) -> None:
    """That the stack has settings makes no provider the default one."""
    other = emulator.add_org()
    with Plugin({"accessToken": other["access_token"]}) as plugin:
        plugin.configure({}, name)
        assert create(plugin)["orgId"] == emulator.org_id


@pytest.mark.parametrize("before", [{}, {"orgId": "org_meant"}])
@pytest.mark.parametrize("after", [{}, {"orgId": "org_meant"}])
def test_present_configuration_counts_for_the_default_provider(
    emulator: Emulator, before: dict[str, str], after: dict[str, str]
) -> None:
    """A guard that was set or removed after the last `up`, also if nothing else is set."""
    with Plugin(before) as plugin:
        stored = plugin.configure({**before, "version": "0.1.0"}, "default_0_1_0")
    with Plugin(after) as plugin:
        plugin.configure_from_state(stored, "default_0_1_0")
        if after:
            with pytest.raises(grpc.RpcError, match=MEANT):
                create(plugin)
        else:
            assert create(plugin)["orgId"] == emulator.org_id


def test_arguments_count_where_the_configuration_is_not_told() -> None:
    """A plugin that a debugger runs gets none. The guard of the last `up` still guards."""
    guard = {"orgId": "org_meant"}
    with Plugin(guard) as plugin:
        stored = plugin.configure(guard, "default")
    with Plugin(None) as plugin:
        plugin.configure_from_state(stored, "default")
        with pytest.raises(grpc.RpcError, match=MEANT):
            create(plugin)


@NAMES
def test_stacks_guards_count_for_every_provider(emulator: Emulator, name: str) -> None:
    """The strictest of all that are given counts, whatever else the arguments are."""
    with Plugin({"orgId": "org_meant"}) as plugin:
        plugin.configure({"accessToken": emulator.access_token}, name)
        with pytest.raises(grpc.RpcError, match=f"parallel:orgId {MEANT}"):
            create(plugin)
    both = "the provider's orgId and parallel:orgId name different organizations"
    with Plugin({"orgId": "org_meant"}) as plugin:
        plugin.configure({"orgId": emulator.org_id}, name)
        with pytest.raises(grpc.RpcError, match=both):
            create(plugin)


@pytest.mark.parametrize(
    ("stack", "argument", "most"),
    [
        ("700", None, 700),
        (None, 700.0, 700),
        ("700", 900.0, 700),
        ("900", 700.0, 700),
        ("900", 0.0, 0),
        (None, "700", 700),  # as SDKs for TypeScript, Python and Go send it
        (None, "700.0", 700),  # as the one for Java does
        ("900", "700.0", 700),
        (None, None, 0),
    ],
)
def test_lowest_limit_of_a_charge_counts(
    stack: str | None, argument: float | str | None, most: int
) -> None:
    """One of them is enough to allow charges."""
    key = "maxTopUpCents"
    with Plugin({key: stack} if stack else {}) as plugin:
        given = {} if argument is None else {key: argument}
        plugin.configure({**given, "timeoutSeconds": 30.0}, "mine")
        assert (why_not_charged(plugin, 700) == "") is (most == 700)
        assert why_not_charged(plugin, 701) != ""


@pytest.mark.parametrize("limit", ["700.00", "700.5", "7e2"])
def test_limit_that_is_no_whole_number_is_an_error(limit: str) -> None:
    """Of the forms with a decimal point, only that of the SDK for Java is a whole number."""
    with Plugin({}) as plugin:
        plugin.configure({"maxTopUpCents": limit}, "mine")
        with pytest.raises(grpc.RpcError, match="must be a whole number of cents"):
            create(plugin)


@pytest.mark.parametrize("blank", ["", " ", None])
@pytest.mark.parametrize("key", ["orgId", "maxTopUpCents"])
def test_blank_guard_is_an_error(key: str, blank: str | None) -> None:
    """Of the stack's and of the provider's own, also with another one that isn't blank."""
    for stack, arguments, origin in (
        ({}, {key: blank}, f"the provider's {key}"),
        ({key: "700"}, {key: blank}, f"the provider's {key}"),
        ({key: blank}, {}, f"parallel:{key}"),
        ({key: blank}, {key: "700"}, f"parallel:{key}"),
    ):
        with Plugin(stack) as plugin:
            plugin.configure(arguments, "mine")
            with pytest.raises(grpc.RpcError, match=f"{origin} is set and blank"):
                create(plugin)


def test_access_token_of_an_explicit_provider_is_a_secret_of_the_state(plugin: Plugin) -> None:
    """Also where a program without the schema doesn't say so."""
    assert secrets_in(plugin.configure({"accessToken": "a", "orgId": "b"}, "mine")) == {
        "accessToken"
    }


def test_mark_of_the_default_provider_can_not_be_given() -> None:
    """The stack's guard would be all that counts."""
    with Plugin({"accessToken": "another"}) as plugin:
        stored = plugin.configure({"__isDefault": True, "orgId": "org_meant"}, "mine")
        assert set(stored.fields) == {"orgId"}
        with pytest.raises(grpc.RpcError, match=MEANT):
            create(plugin)


def test_misspelt_argument_is_named(plugin: Plugin) -> None:
    """A program without the schema may misspell a guard. Arguments of the engine are no mistake."""
    arguments = {"orgid": "org_meant", "version": "0.1.0", "pluginDownloadURL": "https://x"}
    plugin.configure_from_state(to_struct(arguments), "mine")

    [(_, text)] = plugin.log.messages
    assert "'orgid'" in text
    assert "did you mean orgId?" in text


@pytest.mark.parametrize(
    ("before", "now", "warns"),
    [("org_a", "org_b", True), ("org_a", "org_a", False), (None, "org_b", False)],
)
def test_provider_that_moves_to_another_organization_is_warned_about(
    plugin: Plugin, before: str | None, now: str, *, warns: bool
) -> None:
    """The preview says it, as the resources stay where they are, and a later refresh fails."""
    request = proto.DiffRequest(
        urn="urn:pulumi:prod::shop::pulumi:providers:parallel::mine",
        old_inputs=to_struct({"orgId": before} if before else {}),
        news=to_struct({"orgId": now}),
    )

    assert plugin.stub.DiffConfig(request).changes == proto.DiffResponse.DIFF_UNKNOWN

    told = [text for at, text in plugin.log.messages if at == request.urn]
    assert ["orgId changes from 'org_a' to 'org_b'" in text for text in told] == [True] * warns
