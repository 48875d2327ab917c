"""Data of one run in the program's process, without an engine: settings, lists, mocks."""

from __future__ import annotations

import asyncio
import contextvars
import gc
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import pulumi
import pytest
from pulumi.runtime import MockCallArgs, MockResourceArgs, Mocks, set_mocks
from pulumi.runtime.config import set_all_config
from pulumi.runtime.settings import Settings, configure, reset_options

import parallel_provider as parallel
from parallel_provider.resources import _program
from parallel_provider.testing.emulator import Emulator
from tests.scenarios.story import LIST_APPS, Console, calls

T = TypeVar("T")


class Monitor:
    """A fake of the SDK's connection to one run of one stack."""


def run_of_a_stack(config: dict[str, str], program: Callable[[], T]) -> T:
    """Run a program as `pulumi.automation` does: in its own context, with a new monitor."""

    def run() -> T:
        configure(Settings(project="automated", stack="test", monitor=Monitor()))
        set_all_config(config, list(config))
        return program()

    return contextvars.copy_context().run(run)


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch, emulator: Emulator) -> None:
    """Make programs call only the emulator, with each run's configuration."""
    for name in ("PARALLEL_ORG_ID", "PARALLEL_ACCESS_TOKEN", "PARALLEL_AUTH_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PARALLEL_SERVICE_API_URL", emulator.url)


def test_each_run_asks_with_its_own_settings(emulator: Emulator) -> None:
    """Two stacks in one process belong to two organizations."""
    other = emulator.add_org()["org_id"]
    for org_id in (emulator.org_id, other):
        config = {
            "parallel:accessToken": emulator.mint_token(org_id=org_id),
            "parallel:orgId": org_id,
        }
        assert run_of_a_stack(config, parallel.get_balance).org_id == org_id


def test_each_run_has_one_list_of_its_own(emulator: Emulator) -> None:
    """All data sources of a run share it, also across threads. The next run reads it again."""
    config = {"parallel:accessToken": emulator.access_token}

    async def apps() -> tuple[int, ...]:
        asked = [asyncio.to_thread(parallel.get_apps) for _ in range(4)]
        found = [parallel.get_apps(), *(await asyncio.gather(*asked))]
        return tuple(len(result.apps) for result in found)

    with calls(emulator) as made:
        assert run_of_a_stack(config, lambda: asyncio.run(apps())) == (1,) * 5
    assert made == {LIST_APPS: 1}

    Console(emulator).create_app("search")
    assert run_of_a_stack(config, lambda: asyncio.run(apps())) == (2,) * 5


def test_run_that_is_over_is_forgotten(emulator: Emulator) -> None:
    """A long process with many runs doesn't keep each run's sign-in and list."""
    gc.collect()
    before = len(_program._runs)
    for _ in range(3):
        run_of_a_stack({"parallel:accessToken": emulator.access_token}, parallel.get_apps)
    gc.collect()
    assert len(_program._runs) <= before


class Answers(Mocks):
    """Mocks of a unit test, as a user writes them."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, Any]]] = []

    def new_resource(self, args: MockResourceArgs) -> tuple[str | None, dict[str, Any]]:
        """Give an app the outputs that the program uses."""
        return f"{args.name}-id", {**args.inputs, "app_name": args.name}

    def call(self, args: MockCallArgs) -> Any:  # noqa: ANN401 - as the SDK has it
        """Return the result of a data source."""
        self.asked.append((args.token, args.args))
        if args.token == "parallel:index:getApps":
            return {"apps": [{"app_id": "1", "app_name": "search"}, {"appId": "2"}]}
        if args.token == "parallel:index:getApp":
            if args.args.get("app_name") == "none":
                return {}, [("app_name", "isn't there")]
            return {"app_id": "1", "orgName": "Test"}, None
        return {}


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> Iterator[Answers]:
    """Run this test's program with mocks, and fail if it uses the network."""
    monkeypatch.setenv("PARALLEL_SERVICE_API_URL", "http://127.0.0.1:9")
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    mocks = Answers()
    set_mocks(mocks)
    yield mocks
    # The mocked stack registers itself in tasks that nothing else waits for.
    loop.run_until_complete(asyncio.gather(*asyncio.all_tasks(loop)))
    reset_options(project="project", stack="stack")
    loop.close()


def test_data_sources_ask_the_mocks(answers: Answers, emulator: Emulator) -> None:
    """With `set_mocks`, no request is made, and fields that a mock leaves out are None."""
    with calls(emulator) as made:
        first, second = parallel.get_apps().apps
        assert vars(first) == {
            "app_id": "1",
            "app_name": "search",
            "org_id": None,
            "org_name": None,
        }
        assert second.app_id == "2"
        found = parallel.get_app(app_name="search")
        assert (found.app_id, found.org_name) == ("1", "Test")
        assert parallel.get_app(app_id="A-1").app_id == "1"
        assert parallel.get_balance().credit_balance_cents is None
    assert made == {}
    assert answers.asked == [
        ("parallel:index:getApps", {}),
        ("parallel:index:getApp", {"app_name": "search"}),
        ("parallel:index:getApp", {"app_id": "A-1"}),
        ("parallel:index:getBalance", {}),
    ]


def test_outputs_of_data_sources_ask_the_mocks(answers: Answers) -> None:
    """The arguments can also come from a resource."""
    seen: list[object] = []

    @pulumi.runtime.test  # type: ignore[untyped-decorator] # of the SDK
    def program() -> pulumi.Output[None]:
        app = parallel.App("search")
        found = parallel.get_app_output(app_name=app.app_name)
        first = parallel.get_apps_output().apps[0]
        return pulumi.Output.all(found.app_id, first.app_name).apply(seen.extend)

    program()

    assert seen == ["1", "search"]
    assert ("parallel:index:getApp", {"app_name": "search"}) in answers.asked


def test_class_of_a_program_can_extend_a_resource(answers: Answers) -> None:
    """It has the outputs and the provider of the resource."""
    seen: list[object] = []

    class Shared(parallel.App):
        """An app with the names of this team."""

    @pulumi.runtime.test  # type: ignore[untyped-decorator] # of the SDK
    def program() -> pulumi.Output[None]:
        return Shared("search").app_name.apply(seen.append)

    program()

    assert seen == ["search"]
    assert answers.asked == []


def test_failures_of_a_mock_are_one_line(answers: Answers) -> None:
    """The error names the function."""
    assert answers.asked == []
    with pytest.raises(pulumi.RunError, match=r"parallel:index:getApp: app_name isn't there"):
        parallel.get_app(app_name="none")


@pytest.mark.parametrize(
    ("declare", "instead"),
    [
        (lambda opts: parallel.App("a", opts=opts), "existing_app_id or adopt_existing"),
        (lambda opts: parallel.ApiKey("a", app_id="1", opts=opts), "let this resource create one"),
        (
            lambda opts: parallel.RotatingApiKey("a", app_id="1", rotate_after="1d", opts=opts),
            "let this resource create one",
        ),
        (lambda opts: parallel.BalanceTopUp("a", amount_cents=1, opts=opts), "reads no charges"),
    ],
)
def test_import_is_refused_with_what_to_do_instead(
    answers: Answers, declare: Callable[[pulumi.ResourceOptions], object], instead: str
) -> None:
    """Without this error, Pulumi would end with a traceback."""
    assert answers.asked == []
    with pytest.raises(pulumi.RunError, match=f"'a': the option import_ .*{instead}"):
        declare(pulumi.ResourceOptions(import_="1"))
