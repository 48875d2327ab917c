"""The person of the access token changes.

Members manage the keys that they created, and may see fewer apps.
"""

from __future__ import annotations

from parallel_provider.testing.emulator import Emulator
from tests.engines import Project, changes
from tests.scenarios.story import (
    LIST_APPS,
    Console,
    apps_named,
    assert_refused,
    calls,
    declare,
    live_keys,
    warnings,
    writes,
)

PROGRAM = """
app = parallel.App("search")
svc = parallel.RotatingApiKey(
    "svc", app_id=app.app_id, rotate_after="30d", overlap="0s", triggers={triggers}
)
pulumi.export("api_key_id", svc.api_key_id)
"""


def ids_of_live_keys(emulator: Emulator) -> set[str]:
    """Return the ids of the keys that work."""
    return {key["api_key_id"] for key in live_keys(emulator)}


def test_rotation_by_another_member_keeps_its_new_key(project: Project, emulator: Emulator) -> None:
    """The old key can't be revoked by this member: a warning says who can, and a later run does."""
    declare(project, PROGRAM.format(triggers=1))
    first = project.up().outputs["api_key_id"].value
    administrator = project.env["PARALLEL_ACCESS_TOKEN"]
    project.env["PARALLEL_ACCESS_TOKEN"] = emulator.add_user()["access_token"]
    declare(project, PROGRAM.format(triggers=2))

    rotated = project.up()

    second = rotated.outputs["api_key_id"].value
    assert ids_of_live_keys(emulator) == {first, second}
    assert "couldn't be revoked" in rotated.stdout
    assert "an administrator, or for a key the member who created it" in rotated.stdout
    [svc] = [each for each in project.resources() if each["urn"].endswith("::svc")]
    assert [key["api_key_id"] for key in svc["outputs"]["keys_to_revoke"]] == [first]

    project.env["PARALLEL_ACCESS_TOKEN"] = administrator
    assert changes(project.up())["update"] == 1
    assert ids_of_live_keys(emulator) == {second}
    assert "update" not in changes(project.up())


YEAR_PROGRAM = """
app = parallel.App("search")
ci = parallel.ApiKey("ci", app_id=app.app_id)
svc = parallel.RotatingApiKey("svc", app_id=app.app_id, rotate_after="60d", overlap="2d")
"""


def act_as(project: Project, emulator: Emulator, role: str) -> None:
    """Let a new person run the stack from now on."""
    user = emulator.add_user(role="member" if role == "member" else "administrator")
    project.env["PARALLEL_ACCESS_TOKEN"] = user["access_token"]


def test_member_who_does_not_see_the_app_keeps_it(project: Project, emulator: Emulator) -> None:
    """A refresh warns once, and changes nothing; no later run creates a second app."""
    declare(project, YEAR_PROGRAM)
    project.up()
    before = [resource.get("outputs") for resource in project.resources()]
    act_as(project, emulator, "member")

    with calls(emulator) as made:
        refreshed = project.refresh()

    assert changes(refreshed) == {"same": 4}
    assert made == {LIST_APPS: 1, "GET /service/v1/balance": 1}
    [warning] = [text for text in warnings(refreshed.stdout) if "list of apps" in text]
    for words in ("'search'", "in the state as it is with its keys", "`pulumi state delete`"):
        assert words in warning
    assert [resource.get("outputs") for resource in project.resources()] == before
    with writes(emulator) as made_writes:
        assert changes(project.up(refresh=True)) == {"same": 4}
    assert made_writes == []
    assert len(apps_named(emulator, "search")) == 1


def test_only_a_person_who_has_seen_the_app_finds_it_gone(
    project: Project, emulator: Emulator
) -> None:
    """The app is deleted in the console: drift for the first person, and a warning for others."""
    administrator = project.env["PARALLEL_ACCESS_TOKEN"]
    declare(project, YEAR_PROGRAM)
    project.up()
    app_id = project.resource("search")["id"]
    Console(emulator, administrator).delete_app(app_id)
    act_as(project, emulator, "administrator")

    assert changes(project.refresh()) == {"same": 4}
    assert_refused(project, project.fails("destroy"), "404", "isn't treated as gone", resource=None)

    project.env["PARALLEL_ACCESS_TOKEN"] = administrator
    assert changes(project.refresh())["delete"] >= 1
    project.up()
    assert len(apps_named(emulator, "search")) == 1
    assert len(live_keys(emulator)) == 2


def test_second_person_who_refreshes_can_find_the_app_gone_later(
    project: Project, emulator: Emulator
) -> None:
    """The refresh notes that this person sees the app, and shows no change for it."""
    declare(project, YEAR_PROGRAM)
    project.up()
    app_id = project.resource("search")["id"]
    act_as(project, emulator, "administrator")
    assert changes(project.refresh()) == {"same": 4}

    Console(emulator).delete_app(app_id)

    assert changes(project.refresh()) == {"delete": 3, "same": 1}
