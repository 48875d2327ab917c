"""What others write into Pulumi's messages: the words stay, and Pulumi finds no command in them."""

from __future__ import annotations

import re
import sys
from typing import Any

from parallel_provider.testing.emulator import Emulator
from tests.engines import Project
from tests.scenarios.story import Console, assert_refused, declare

APPS = "/service/v1/apps"
TAG = "<{%nosuchcolour%}>"
BROKEN = "<{ %nosuchcolour%}>"
# A user's own words, which are spelled as names of ours.
PATH = "/srv/org_id/app_name/auth.json"


def in_colour(project: Project) -> dict[str, Any]:
    """Return the option with which Pulumi reads colour tags, as on every terminal."""
    return {"color": "always"} if project.engine == "pulumi" else {}


def without_colours(text: str) -> str:
    """Return what a terminal shows."""
    return re.sub(r"\x1b\[[0-9;]*m", "", text)


def declare_delivery(project: Project, *lines: str) -> None:
    """Declare a key with a command that prints these lines to standard error."""
    text = "\n".join(lines)
    project.write(f"import sys\nsys.stdin.read()\nprint({text!r}, file=sys.stderr)\n", "deliver.py")
    command = [sys.executable, str(project.folder / "deliver.py")]
    declare(
        project,
        f"""
        app = parallel.App("search")
        parallel.ApiKey("ci", app_id=app.app_id, deliver_command={command})
        """,
    )


def test_words_of_a_command_stay_as_they_are(project: Project) -> None:
    """Only the name of the input is spelled as the program spells it."""
    declare_delivery(project, PATH)

    shown = project.up().stdout

    name = "deliver_command" if project.provider == "dynamic" else "deliverCommand"
    assert f"{name} of 'ci': {PATH}" in shown


def test_name_of_an_input_is_spelled_as_in_the_program(project: Project) -> None:
    """Also in the middle of a reason."""
    declare(project, 'parallel.ApiKey("ci", app_id="x")')

    text = project.fails("preview")

    dynamic = "app_id must be a UUID, such as the app_id of a parallel App"
    native = "appId must be a UUID, such as the appId of a parallel App"
    assert (dynamic if project.provider == "dynamic" else native) in text
    assert (native if project.provider == "dynamic" else dynamic) not in text


def test_colour_tag_of_a_server_ends_no_run(project: Project, emulator: Emulator) -> None:
    """The error is shown with the tag broken up."""
    emulator.add_fault("status", method="POST", path=APPS, status=409, body={"detail": TAG})
    declare(project, 'app = parallel.App("search")')

    text = without_colours(project.fails("up", **in_colour(project)))

    assert_refused(project, text, "409", BROKEN, resource="search")
    assert TAG not in text


def test_colour_tag_of_a_command_ends_no_run(project: Project) -> None:
    """Neither one in a line that is shown as a message, nor half of one."""
    declare_delivery(project, f"delivered {TAG}", "and <{%", "%}>")

    shown = project.up(**in_colour(project)).stdout

    assert f"delivered {BROKEN}" in shown
    assert "<{%" not in shown
    assert project.resource("ci")["id"]


def test_colour_tag_of_a_colleague_ends_no_run(project: Project, emulator: Emulator) -> None:
    """An app of that name is named in an error, and listed by a function."""
    app_id = Console(emulator).create_app(f"a {TAG} b")
    declare(
        project,
        f"""
        pulumi.export("names", [app.app_name for app in parallel.get_apps().apps])
        parallel.App("search", existing_app_id="{app_id}")
        """,
    )

    text = without_colours(project.fails("up", **in_colour(project)))

    assert_refused(project, text, app_id, "not 'search'", resource="search")
    assert "<{%" not in text
