"""What one process of a run has, another process of the run neither deletes nor takes.

The engine starts a process for each provider: the dynamic one, the native one, and each explicit
provider.
"""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from parallel_provider.testing.emulator import Emulator
from tests.engines import Project, changes
from tests.native.providers import install_sdk, plugin_executable
from tests.scenarios.story import (
    Console,
    apps_named,
    declare,
    live_keys,
    warnings,
    writes,
)

EXPLICIT = """
extra = pulumi.ProviderResource("parallel", "extra", {})
in_extra = pulumi.ResourceOptions(provider=extra)
"""
NATIVE = "import parallel_native as native\n"

native = pytest.mark.providers("native")


@pytest.fixture
def both(project: Project) -> Project:
    """Return a project whose program can use both kinds of provider."""
    project.plugins["parallel"] = plugin_executable()
    install_sdk(project.folder)
    return project


def app_named(emulator: Emulator, name: str = "prod") -> str:
    """Return the id of the only app of this name."""
    [app] = apps_named(emulator, name)
    return app["app_id"]


CREATED = 'parallel.App("search", app_name="prod")\n'
ADOPTED_IN = 'app = {module}.App("find", app_name="prod", adopt_existing=True{opts})\n'


@native
def test_app_is_handed_to_a_resource_of_an_explicit_provider(
    project: Project, emulator: Emulator
) -> None:
    """The old resource is deleted by the default provider's process, which hasn't adopted it."""
    declare(project, CREATED)
    project.up()
    app_id = app_named(emulator)

    declare(
        project,
        EXPLICIT
        + ADOPTED_IN.format(module="parallel", opts=", opts=in_extra")
        + 'parallel.ApiKey("ci", app_id=app.app_id, opts=in_extra)',
    )
    moved = project.up()

    assert app_named(emulator) == app_id
    [told] = warnings(moved.stdout)
    assert "isn't deleted at the server" in told
    assert "App 'find'" in told
    assert len(live_keys(emulator)) == 1


@pytest.mark.providers("dynamic")
@pytest.mark.parametrize("new", ["native", "parallel"])
def test_app_is_handed_from_one_kind_of_provider_to_the_other(
    both: Project, emulator: Emulator, new: str
) -> None:
    """In either direction, under another name."""
    old = {"native": "parallel", "parallel": "native"}[new]
    declare(both, NATIVE + CREATED.replace("parallel", old))
    both.up()
    app_id = app_named(emulator)

    declare(both, NATIVE + ADOPTED_IN.format(module=new, opts=""))
    moved = both.up()

    assert changes(moved)["delete"] == 1
    assert app_named(emulator) == app_id


@native
@pytest.mark.parametrize("second", ["preview", "up"])
def test_app_in_two_providers_is_refused(project: Project, emulator: Emulator, second: str) -> None:
    """Two resources that adopt one app, in two processes, and none of them has it before."""
    app_id = Console(emulator).create_app("prod")
    declare(
        project,
        EXPLICIT
        + ADOPTED_IN.format(module="parallel", opts="")
        + 'parallel.App("b", app_name="prod", adopt_existing=True, opts=in_extra)',
    )

    text = project.fails(second)

    assert app_id in text
    assert "declare it once" in text


@native
def test_app_stays_for_a_key_of_another_process(project: Project, emulator: Emulator) -> None:
    """The key has its id as text."""
    declare(project, CREATED)
    project.up()
    app_id = app_named(emulator)
    key = EXPLICIT + f'parallel.ApiKey("ci", app_id="{app_id}", opts=in_extra)\n'
    declare(project, CREATED + key)
    project.up()

    declare(project, key)
    [told] = warnings(project.up().stdout)

    assert "ApiKey 'ci'" in told
    assert app_named(emulator) == app_id
    assert len(live_keys(emulator)) == 1


@pytest.fixture
def imported(emulator: Emulator) -> Callable[[str, str], str]:
    """Return a way to declare the one key that works as one that the program imports."""

    def declare_key(kind: str, name: str) -> str:
        [key] = live_keys(emulator)
        import_id = f"{key['app_id']}/{key['api_key_id']}/{key['api_key_name']}"
        more = 'rotate_after="30d", ' if kind == "RotatingApiKey" else ""
        return (
            f'parallel.{kind}("{name}", app_id="{key["app_id"]}", {more}'
            f'api_key_name="{key["api_key_name"]}", '
            f'opts=pulumi.ResourceOptions(import_="{import_id}"))\n'
        )

    return declare_key


OLD_KEY = 'parallel.ApiKey("ci", app_id="{app_id}", api_key_name="ci")\n'


def make_key(project: Project, emulator: Emulator) -> str:
    """Let the stack create a key in an app that it doesn't manage; return the program."""
    program = OLD_KEY.format(app_id=emulator.state()["apps"][0]["app_id"])
    declare(project, program)
    project.up()
    return program


def give_raw_key(project: Project) -> None:
    """Set the variable with the raw key for an import."""
    outputs = project.resource("ci")["outputs"]
    raw = json.loads(outputs["raw_api_key"]["plaintext"])
    project.env["PARALLEL_IMPORT_RAW_API_KEY"] = json.dumps({outputs["api_key_id"]: raw})


@native
@pytest.mark.parametrize(
    ("kind", "name"), [("ApiKey", "ci"), ("ApiKey", "find"), ("RotatingApiKey", "svc")]
)
def test_key_of_the_stack_that_is_imported_stays(
    project: Project,
    emulator: Emulator,
    imported: Callable[[str, str], str],
    kind: str,
    name: str,
) -> None:
    """Under its own name, another one, or as another kind: its old resource doesn't revoke it."""
    make_key(project, emulator)
    give_raw_key(project)
    declare(project, imported(kind, name))

    with writes(emulator) as made:
        project.up()

    assert made == []
    assert len(live_keys(emulator)) == 1
    assert set(changes(project.up())) == {"same"}
    project.destroy()
    assert live_keys(emulator) == []


@native
def test_raw_key_that_only_the_old_resource_has_is_not_dropped(
    project: Project, emulator: Emulator, imported: Callable[[str, str], str]
) -> None:
    """The import has no raw key, so the old resource stays in the state with it."""
    make_key(project, emulator)
    raw = project.resource("ci")["outputs"]["raw_api_key"]
    declare(project, imported("RotatingApiKey", "svc"))

    text = project.fails("up")

    assert "whose state doesn't have the raw key" in text
    assert "PARALLEL_IMPORT_RAW_API_KEY" in text
    assert project.resource("ci")["outputs"]["raw_api_key"] == raw
    assert len(live_keys(emulator)) == 1


@native
def test_second_import_of_a_key_is_refused(
    project: Project, emulator: Emulator, imported: Callable[[str, str], str]
) -> None:
    """Its removal leaves the key."""
    program = make_key(project, emulator)
    give_raw_key(project)
    declare(project, program + imported("ApiKey", "second"))

    with writes(emulator) as made:
        assert "declare it once" in project.fails("up")
        declare(project, program)
        project.up()

    assert made == []
    assert len(live_keys(emulator)) == 1


@native
def test_second_import_of_an_app_is_refused(project: Project, emulator: Emulator) -> None:
    """Each import says that destroy will delete the app. The removal of the second leaves it."""
    app_id = Console(emulator).create_app("search")
    first = (
        f'parallel.App("search", opts=pulumi.ResourceOptions(import_="{app_id}"))\n'
        f'parallel.ApiKey("ci", app_id="{app_id}")\n'
    )
    second = (
        'parallel.App("second", app_name="search", '
        f'opts=pulumi.ResourceOptions(import_="{app_id}"))\n'
    )
    declare(project, first)
    assert "`pulumi destroy` will delete it with all its keys" in project.up().stdout

    declare(project, first + second)
    assert "declare it once" in project.fails("up")
    declare(project, first)
    project.up()

    assert app_named(emulator, "search") == app_id
    assert len(live_keys(emulator)) == 1
    project.destroy()
    assert apps_named(emulator, "search") == []


@native
def test_get_of_a_key_is_refused(project: Project, emulator: Emulator) -> None:
    """It would have other times in each run."""
    make_key(project, emulator)
    [key] = live_keys(emulator)
    import_id = f"{key['app_id']}/{key['api_key_id']}/ci"
    declare(project, f'parallel.ApiKey.get("ci", "{import_id}")')

    assert "can't be read by its id" in project.fails("preview")
