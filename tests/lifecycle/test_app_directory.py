"""AppDirectory: one list for a whole run, plus and minus what the run does."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from parallel_provider.api import AppItem, Apps
from parallel_provider.lifecycle.run import AppDirectory, Organization


def app(app_id: str, app_name: str = "search") -> AppItem:
    """Return an app of one organization."""
    return AppItem(app_id=app_id, app_name=app_name, org_id="org", org_name="Org")


class Server:
    """Lists apps, and counts how often."""

    def __init__(self, *apps: AppItem) -> None:
        self.apps = list(apps)
        self.lists = 0
        self.is_complete = True

    def list_apps(self) -> Apps:
        """Return all apps there are now."""
        self.lists += 1
        return Apps(self.apps, is_complete=self.is_complete)


def test_directory_lists_once_for_all_questions() -> None:
    """Two hundred threads with a question each make one request."""
    server = Server(app("1"), app("2"))
    directory = AppDirectory(server.list_apps)

    with ThreadPoolExecutor(16) as threads:
        found = list(threads.map(directory.find, ["1", "2", "3"] * 60))

    assert server.lists == 1
    assert found[:3] == [app("1"), app("2"), None]
    assert directory.organization() == Organization("org", "Org")


def test_directory_knows_what_the_run_did() -> None:
    """Created apps are there and deleted ones are gone, without another list."""
    server = Server(app("1"), app("2", "other"))
    directory = AppDirectory(server.list_apps)
    directory.load()

    directory.add(app("3"))
    directory.discard("1")
    directory.discard("3")
    directory.add(app("4"))

    assert directory.find("1") is None
    assert directory.find("3") is None
    assert directory.named("search") == [app("4")]
    assert directory.all() == [app("2", "other"), app("4")]
    assert server.lists == 1


def test_list_again_finds_what_is_new_and_not_ours() -> None:
    """Compared with the list from before: of this name, not there then, not made by this run."""
    server = Server(app("old"))
    directory = AppDirectory(server.list_apps)
    directory.load()
    server.apps += [app("ours"), app("lost"), app("other", "billing")]
    directory.add(app("ours"))

    assert directory.list_new_apps_named("search") == [app("lost")]
    assert server.lists == 2


def test_organization_is_that_of_any_app() -> None:
    """Of one that was listed, or that this run has created; otherwise only another list has it."""
    server = Server()
    directory = AppDirectory(server.list_apps)
    assert directory.organization() is None
    server.apps.append(app("new"))
    assert directory.list_organization_again() == Organization("org", "Org")
    directory.add(app("new"))
    assert directory.organization() == Organization("org", "Org")
    assert server.lists == 2


def test_failed_list_fails_for_everyone() -> None:
    """There is no second attempt behind the retries of the client."""
    lists = []

    def list_apps() -> Apps:
        lists.append(1)
        raise ValueError("no list")

    directory = AppDirectory(list_apps)
    for question in (directory.load, directory.organization):
        with pytest.raises(ValueError, match="no list"):
            question()
    assert len(lists) == 1
