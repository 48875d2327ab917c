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


def test_appeared_finds_what_is_new_and_not_ours() -> None:
    """Compared with the list from before: of this name, not there then, not made by this run."""
    server = Server(app("old"))
    directory = AppDirectory(server.list_apps)
    directory.load()
    server.apps += [app("ours"), app("lost"), app("other", "billing")]
    directory.add(app("ours"))

    assert directory.appeared("search") == [app("lost")]
    assert server.lists == 2


def test_organization_after_creating_lists_again_only_where_it_must() -> None:
    """Only an app tells whose it is; the second list is shared as well."""
    empty, full = Server(), Server(app("1"))
    for server, lists in ((empty, 2), (full, 1)):
        directory = AppDirectory(server.list_apps)
        directory.load()
        server.apps.append(app("new"))
        assert directory.organization_after_creating() == Organization("org", "Org")
        assert directory.organization_after_creating() == Organization("org", "Org")
        assert server.lists == lists


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
