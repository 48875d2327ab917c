"""Late, broken or lost answers: nothing is created twice unnoticed, and the next run completes."""

from __future__ import annotations

from parallel_provider.testing.emulator import Emulator
from tests.engines import Project, changes
from tests.scenarios.story import (
    CREATE_APP,
    CREATE_KEY,
    LIST_APPS,
    Console,
    apps_named,
    assert_fails,
    calls,
    declare,
    in_words_of,
    live_keys,
    warnings,
)

APPS = "/service/v1/apps"
KEYS = "/service/v1/apps/{app_id}/keys"


def test_failure_in_the_middle_is_completed_by_the_next_run(
    project: Project, emulator: Emulator
) -> None:
    """What was done is kept. The second run creates only what is missing."""
    emulator.add_fault("status", method="POST", path=KEYS, status=422, body={"detail": "not today"})
    declare(
        project,
        """
        app = parallel.App("search")
        key = parallel.ApiKey("ci", app_id=app.app_id)
        later = parallel.App("later", opts=pulumi.ResourceOptions(depends_on=[key]))
        """,
    )

    assert_fails(project, "up", "creating ApiKey 'ci'", "answered 422 (not today)", resource="ci")
    app = project.resource("search")["id"]
    assert live_keys(emulator) == []

    with calls(emulator) as made:
        completed = project.up()
    assert changes(completed) == {"create": 2, "same": 2}
    assert made == {LIST_APPS: 1, CREATE_KEY: 1, CREATE_APP: 1}
    assert project.resource("search")["id"] == app
    assert changes(project.up()) == {"same": 4}


def test_stack_is_kept_after_a_failed_destroy_with_new_triggers(
    project: Project, emulator: Emulator
) -> None:
    """A key was revoked, and the state has it all the same: as docs/rotation.md says."""
    program = """
    app = parallel.App("search")
    parallel.RotatingApiKey("svc", app_id=app.app_id, rotate_after="30d", triggers={triggers})
    """
    declare(project, program.format(triggers=1))
    project.up()
    revoked = project.resource("svc")["id"]
    emulator.add_fault("truncate", method="DELETE", path=f"{KEYS}/{{api_key_id}}")
    emulator.add_fault("status", method="DELETE", path=f"{KEYS}/{{api_key_id}}", status=403)
    project.fails("destroy")
    assert live_keys(emulator) == []
    assert project.resource("svc")["id"] == revoked

    declare(project, program.format(triggers=2))
    project.up()

    [key] = live_keys(emulator)
    assert key["api_key_name"] == "svc-2"
    project.destroy()
    assert live_keys(emulator) == []


def test_failed_replacement_keeps_the_old_key_working(project: Project, emulator: Emulator) -> None:
    """A run revokes the old key only when the new key exists."""
    program = """
    app = parallel.App("search")
    key = parallel.ApiKey("ci", app_id=app.app_id, triggers={triggers})
    """
    declare(project, program.format(triggers=1))
    project.up()
    [old] = live_keys(emulator)

    # A 500 may have created a key, so the client tries once more before it fails.
    emulator.add_fault("status", method="POST", path=KEYS, status=500, times=2)
    declare(project, program.format(triggers=2))
    assert_fails(project, "up", "'ci'", "To end them, look in the Parallel console", resource="ci")
    assert live_keys(emulator) == [old]
    assert project.resource("ci")["id"] == old["api_key_id"]

    assert changes(project.up()) == {"replace": 1, "same": 2}
    [new] = live_keys(emulator)
    assert new["api_key_id"] == project.resource("ci")["id"] != old["api_key_id"]


def test_lost_answer_makes_a_second_app_and_a_warning(project: Project, emulator: Emulator) -> None:
    """The app of the lost answer isn't adopted, because it may belong to somebody else."""
    before = Console(emulator).create_app("search")
    emulator.add_fault("drop_after", method="POST", path=APPS)
    declare(project, 'parallel.App("search")')

    with calls(emulator) as made:
        created = project.up()

    assert made == {CREATE_APP: 2, LIST_APPS: 2}
    first, lost, kept = [app["app_id"] for app in apps_named(emulator, "search")]
    assert first == before
    assert project.resource("search")["id"] == kept
    [told] = warnings(created.stdout)
    assert f"The one that counts is {kept}. New under that name: {lost}." in told
    assert before not in told


def test_damaged_state_is_one_line_without_its_values(project: Project) -> None:
    """An unexpected error is reported as a bug, with its place in the code and without secrets."""
    declare(project, 'app = parallel.App("search")\nparallel.ApiKey("ci", app_id=app.app_id)')
    project.up()
    created_at = in_words_of(project, "created_at")[0]
    state = project.stack.export_stack()
    for resource in state.deployment["resources"]:
        if resource["urn"].endswith("::ci"):
            resource["outputs"][created_at] = "hush-hush"
    project.stack.import_stack(state)

    for operation in ("up", "refresh", "destroy"):
        text = assert_fails(
            project,
            operation,
            "ApiKey 'ci': its outputs",
            "created_at",
            "stack export",
            resource="ci",
        )
        assert "hush-hush" not in text


def test_failed_destroy_is_completed_by_the_next(project: Project, emulator: Emulator) -> None:
    """Resources that couldn't be deleted stay in the state, and the next destroy tries again."""
    declare(project, 'app = parallel.App("search")\nparallel.ApiKey("ci", app_id=app.app_id)')
    project.up()
    emulator.add_fault("status", method="DELETE", path="/service/v1/apps/{app_id}", status=409)

    assert_fails(project, "destroy", "deleting App 'search'", "409", resource="search")
    assert live_keys(emulator) == []

    assert changes(project.destroy()) == {"delete": 2}
    assert apps_named(emulator, "search") == []
