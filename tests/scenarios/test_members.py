"""The person of the access token changes: members manage the keys that they created."""

from __future__ import annotations

from parallel_provider.testing.emulator import Emulator
from tests.engines import Project, changes
from tests.scenarios.story import declare, live_keys

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
