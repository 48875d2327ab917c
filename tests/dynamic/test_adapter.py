"""The adapter: unknown values, outputs, and failures in one line that give nothing away."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import pytest
from pulumi.output import UNKNOWN as SDK_UNKNOWN

from parallel_provider.calls import Process
from parallel_provider.dynamic import _adapter
from parallel_provider.dynamic._adapter import Adapter, adapter_of
from parallel_provider.errors import InternalError, ResourceError
from parallel_provider.lifecycle import lifecycle_of
from parallel_provider.lifecycle.app import AppInputs, AppLifecycle, AppState
from parallel_provider.lifecycle.declare import UNKNOWN, Checked, Props
from parallel_provider.lifecycle.resource import Diff
from parallel_provider.lifecycle.run import Context, Run
from parallel_provider.testing.emulator import Emulator
from tests.lifecycle.runs import run_at

APP = {"app_id": "1", "app_name": "search", "org_id": "o", "org_name": "O"}


def process_with(run: Run) -> Process:
    """Return a process of the dynamic provider that has this run."""
    return Process(_adapter.DOOR, run=run)


@pytest.fixture(autouse=True)
def _offline(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the process's run reach nobody, and hide frames as the provider's process does."""
    monkeypatch.setattr(_adapter, "_process", process_with(run_at()))
    monkeypatch.setattr(sys, "tracebacklimit", 0, raising=False)


def test_unknown_values_are_the_lifecycles_own_and_go_back_as_the_sdks() -> None:
    """Wherever they stand, nested ones too. Whole numbers are int, and all else is as it is."""
    seen: list[Props] = []

    class Watched(AppLifecycle):
        def check(self, context: Context, olds: Props, news: Props) -> Checked:  # noqa: ARG002
            seen.append(news)
            return Checked(dict(news))

        def diff(self, context: Context, state: Any, news: Props) -> Diff:  # noqa: ANN401, ARG002
            seen.append(news)
            return Diff()

    news = {"app_name": SDK_UNKNOWN, "x": [{"y": SDK_UNKNOWN, "z": None}, 1.5, 2.0, "text"]}
    adapter = Adapter(Watched())

    checked = adapter.check({}, news)
    adapter.diff("1", dict(APP), news)

    expected = {"app_name": UNKNOWN, "x": [{"y": UNKNOWN, "z": None}, 1.5, 2, "text"]}
    assert seen == [expected, expected]
    assert all(isinstance(props["x"][2], int) for props in seen)
    assert checked.inputs == news


def test_check_passes_problems_on_without_a_property() -> None:
    """The engine would print the value of a property that a failure names, secrets included."""
    checked = adapter_of("App").check({}, {"app_name": " ", "existing_app_id": "x"})

    assert [(failure.property, failure.reason) for failure in checked.failures] == [
        ("", "app_name must not be empty or blank"),
        ("", "existing_app_id must be a UUID, such as the app_id of a parallel App"),
    ]


@pytest.mark.parametrize(
    ("news", "changes", "replaces"),
    [
        ({"app_name": "search", "__provider": "new text"}, False, []),
        ({"app_name": "find"}, True, ["app_name"]),
        ({"app_name": SDK_UNKNOWN}, True, ["app_name"]),
    ],
)
def test_diff_looks_at_inputs_only(
    news: dict[str, Any], replaces: list[str], *, changes: bool
) -> None:
    """Another form of the provider, as after an upgrade or under another Python, is no change."""
    olds = {**APP, "__provider": "old text", "unknown_to_this_version": 1}

    diff = adapter_of("App").diff("1", olds, {**news})

    assert (diff.changes, diff.replaces) == (changes, replaces)


@pytest.mark.parametrize(
    ("call", "begins"),
    [
        (lambda app: app.create({"app_name": "search"}), "creating App 'search': "),
        (lambda app: app.create({"app_name": "a\\b"}), r"creating App 'a\\b': "),
        (lambda app: app.read("1", dict(APP)), "reading App 'search': "),
        (lambda app: app.read("1", {"default_app_name": "shared"}), "reading App 'shared': "),
        (lambda app: app.delete("1", dict(APP)), "deleting App 'search': "),
    ],
)
def test_failure_names_what_was_done_to_which_resource(
    call: Callable[[Adapter], object], begins: str
) -> None:
    """One line; the cause, with frames and values, stays behind."""
    with pytest.raises(ResourceError, match="can't be reached") as failure:
        call(adapter_of("App"))

    assert str(failure.value).startswith(begins)
    assert "\n" not in str(failure.value)
    assert failure.value.__suppress_context__
    assert f"{type(failure.value).__module__}.{type(failure.value).__name__}" == (
        "parallel_provider.ResourceError"
    )


def test_bug_is_told_by_its_place_and_never_by_its_values() -> None:
    """Whatever the exception says may hold a secret."""

    class Broken(AppLifecycle):
        def create(self, context: Context, inputs: AppInputs) -> AppState:  # noqa: ARG002
            raise RuntimeError("hush-hush")

    with pytest.raises(
        InternalError, match=r"unexpected RuntimeError in test_adapter\.py, line"
    ) as failure:
        Adapter(Broken()).create({"app_name": "search"})

    assert "App 'search'" in str(failure.value)
    assert "please report it" in str(failure.value)
    assert "hush-hush" not in str(failure.value)
    assert failure.value.__suppress_context__


@pytest.mark.parametrize("missing", ["app_id", "org_id", "org_name"])
def test_damaged_state_of_an_app_is_not_read_anew(missing: str) -> None:
    """It would forget that the app was declared as existing, and a destroy would delete it."""
    damaged = {name: value for name, value in APP.items() if name != missing}

    with pytest.raises(ResourceError, match=f"aren't as this provider writes them .{missing}: "):
        adapter_of("App").read("1", damaged | {"declared_existing": True})


def test_input_that_changed_since_its_check_is_told_without_its_value() -> None:
    """The engine sends checked inputs; a transformed one is refused in one line."""
    with pytest.raises(
        ResourceError, match="its inputs can't be used: app_id: must be a UUID"
    ) as told:
        adapter_of("ApiKey").create({"api_key_name": "ci", "app_id": ["hush-hush"]})

    assert "hush-hush" not in str(told.value)


def test_failure_that_names_what_is_left_behind_is_always_told(emulator: Emulator) -> None:
    """Two keys may be lost with equal texts: neither goes without a word."""
    process = process_with(run_at(emulator.url, emulator.access_token))
    keys = Adapter(lifecycle_of("ApiKey"), lambda: process)
    app_id = emulator.state()["apps"][0]["app_id"]
    for _ in range(2):
        emulator.add_fault(
            "status", method="POST", path="/service/v1/apps/{app_id}/keys", status=500, times=2
        )
        with pytest.raises(ResourceError, match="To end them, look in the Parallel console"):
            keys.create({"app_id": app_id, "api_key_name": "ci"})
