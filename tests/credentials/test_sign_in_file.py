"""The sign-in file: its content, the fields that are always kept, and the file on the disk."""

from __future__ import annotations

import copy
import errno
import json
import logging
import os
import shutil
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from parallel_provider.credentials import sign_in_file
from parallel_provider.credentials.oauth import TokenGrant
from parallel_provider.credentials.sign_in_file import Document, SignInFile, StoredTokens
from parallel_provider.errors import CredentialsError, NoSignInFileError

NOW = 1_000_000.5
HOUR = 3600
DAY = 24 * HOUR
GRANT = TokenGrant(
    access_token=SecretStr("new-access"),
    expires_in=420,
    refresh_token=SecretStr("new-refresh"),
    refresh_token_expires_in=3600,
    authorization_expires_in=7200,
    org_id="org_1",
    org_name="One",
    scope="apps:read keys:read",
)
RAW: dict[str, Any] = {
    "version": 1,
    "selected_org_id": "org_1",
    "client_id": "client_1",
    "future": {"deep": [1, None, "x"]},
    "orgs": {
        "org_1": {
            "api_key": "data-key",
            "org_name": "Old name",
            "future": 1,
            "control_api": {
                "access_token": "old-access",
                "access_token_expires_at": 5,
                "access_token_scopes": None,
                "refresh_token": "old-refresh",
                "future": True,
            },
        },
        "org_2": {"api_key": None, "control_api": {"refresh_token": "other"}},
        "org_3": {"api_key": "key only", "control_api": None},
    },
}

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda children: st.lists(children) | st.dictionaries(st.text(), children),
    max_leaves=8,
)
unknown_fields = st.dictionaries(st.text().map("x-{}".format), json_values, max_size=3)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Give the path of a file whose directory doesn't exist yet."""
    return tmp_path / "config" / "auth.json"


def test_refreshed_document_has_the_new_pair() -> None:
    """A grant sets all of an organization's tokens, as whole epoch seconds."""
    document = Document.from_raw(RAW).with_grant("org_1", GRANT, NOW)
    assert document.raw["orgs"]["org_1"] == {
        "api_key": "data-key",
        "org_name": "One",
        "future": 1,
        "control_api": {
            "access_token": "new-access",
            "access_token_expires_at": 1_000_420,
            "access_token_scopes": ["apps:read", "keys:read"],
            "refresh_token": "new-refresh",
            "refresh_token_expires_at": 1_003_600,
            "authorization_expires_at": 1_007_200,
            "future": True,
        },
    }


@given(top=unknown_fields, org=unknown_fields, tokens=unknown_fields)
def test_unknown_fields_survive_at_every_level(
    top: dict[str, Any], org: dict[str, Any], tokens: dict[str, Any]
) -> None:
    """Fields of a later version of the official client are kept by a refresh and a sign-in."""
    raw = copy.deepcopy(RAW)
    raw |= top
    raw["orgs"]["org_1"] |= org
    raw["orgs"]["org_1"]["control_api"] |= tokens
    before = copy.deepcopy(raw)
    document = Document.from_raw(raw).with_sign_in("client_2", "org_1", GRANT, NOW)
    after = json.loads(document.dump())
    assert top.items() <= after.items()
    assert org.items() <= after["orgs"]["org_1"].items()
    assert tokens.items() <= after["orgs"]["org_1"]["control_api"].items()
    assert after["orgs"]["org_2"] == before["orgs"]["org_2"]
    assert raw == before


def test_refresh_without_a_new_refresh_token_keeps_the_old_one() -> None:
    """RFC 6749 lets a server leave it out."""
    grant = GRANT.model_copy(update={"refresh_token": None})
    tokens = Document.from_raw(RAW).with_grant("org_1", grant, NOW).tokens("org_1")
    assert tokens.refresh_token == SecretStr("old-refresh")


def damaged(org_id: str, value: object) -> bytes:
    """Return content with a wrong time of an organization."""
    raw = copy.deepcopy(RAW)
    raw["orgs"][org_id]["control_api"]["refresh_token_expires_at"] = value
    return json.dumps(raw).encode()


TIME = "orgs.org_1.control_api.refresh_token_expires_at: "


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "it isn't JSON"),
        (b"{", "it isn't JSON"),
        (b"\xff", "it isn't JSON"),
        (b"[" * 100_000, "it isn't JSON"),
        (b"[]", "should be an object"),
        (b'{"orgs": {}}', "version: Field required"),
        (b'{"access_token": "secret", "refresh_token": "secret"}', "version: Field required"),
        (b'{"version": 2}', "version: Input should be 1.*newer program.*upgrade"),
        (b'{"version": 1, "orgs": []}', "orgs: "),
        (b'{"version": 1, "client_id": 1, "orgs": []}', "client_id: .*orgs: "),
        *((damaged("org_1", value), TIME) for value in ("secret", -1, 1e300, 10**400, True)),
    ],
)
def test_unusable_file_is_explained_and_never_taken_for_a_missing_one(
    path: Path, content: bytes, reason: str
) -> None:
    """The error names the file and all wrong fields, and shows no value; the file is kept."""
    path.parent.mkdir()
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(CredentialsError, match=f"auth.json .*{reason}") as caught:
        SignInFile(path).read_or_empty()
    assert "It is left as it is" in str(caught.value)
    assert "secret" not in str(caught.value)
    assert path.read_bytes() == content


def test_file_without_organizations_may_say_so_with_null() -> None:
    """The official client reads such a file too."""
    document = Document.from_raw({"version": 1, "orgs": None})
    assert document.orgs == {}
    assert document.with_grant("org_1", GRANT, NOW).signed_in == ["org_1"]


def test_document_repr_hides_its_tokens() -> None:
    """The repr of a document shows no token and no key."""
    text = repr(Document.from_raw(RAW))
    assert not any(secret in text for secret in ("old-access", "old-refresh", "data-key"))


@pytest.mark.parametrize("org_id", ["org_3", "org_9"])
def test_organization_without_sign_in_is_refused(org_id: str) -> None:
    """The error names the setting and the stored sign-ins. A data key alone is no sign-in."""
    with pytest.raises(CredentialsError) as caught:
        Document.from_raw(RAW).choose_org(org_id, "parallel:orgId")
    text = str(caught.value)
    assert org_id in text
    assert "parallel:orgId" in text
    assert "org_1, org_2" in text
    assert "parallel-provider login" in text


def test_selected_organization_without_sign_in_is_refused() -> None:
    """No other organization is used in its place."""
    with pytest.raises(CredentialsError, match=r"org_1, org_2.*PARALLEL_ORG_ID"):
        Document.from_raw({**RAW, "selected_org_id": None}).choose_org(None)


@pytest.mark.parametrize(
    ("authorization", "refresh_token", "text"),
    [
        (90 * DAY, 4 * DAY, None),
        (None, None, None),
        (2 * DAY + HOUR, 30 * DAY, "ends in 2 days (its authorization, 1970-01-14 14:46 UTC)"),
        (2 * DAY, 5 * HOUR, "ends in 5 hours (its refresh token"),
        (-1, None, "has ended (its authorization"),
    ],
)
def test_near_end_of_the_sign_in_gives_a_warning(
    authorization: float | None, refresh_token: float | None, text: str | None
) -> None:
    """The warning has the time left until the earlier end, and says what to do."""
    tokens = StoredTokens(
        refresh_token=SecretStr("rt"),
        authorization_expires_at=None if authorization is None else NOW + authorization,
        refresh_token_expires_at=None if refresh_token is None else NOW + refresh_token,
    )
    warning = tokens.end_warning(NOW)
    if text is None:
        assert warning is None
    else:
        assert text in (warning or "")
        assert "parallel-provider login" in (warning or "")


def test_sign_in_without_a_refresh_token_ends_with_its_access_token() -> None:
    """Nothing renews it, whatever the authorization says."""
    tokens = StoredTokens(
        access_token=SecretStr("a.b.c"),
        access_token_expires_at=NOW + HOUR,
        authorization_expires_at=NOW + 90 * DAY,
    )
    assert "ends in 1 hour (its access token" in (tokens.end_warning(NOW) or "")
    assert not tokens.has_ended(NOW)
    assert tokens.has_ended(NOW + HOUR)


@pytest.fixture(autouse=True)
def permissive_umask() -> Iterator[None]:
    """Set a umask that would make new files open to other users."""
    before = os.umask(0)
    yield
    os.umask(before)


def mode_of(path: Path) -> int:
    """Return the permission bits."""
    return stat.S_IMODE(path.stat().st_mode)


def test_file_and_all_files_beside_it_are_private_from_the_start(path: Path) -> None:
    """The file, its temporary file, its lock and its directory are never open to other users."""
    file = SignInFile(path)
    with file.locked(), file.prepare_write(Document.empty()) as store:
        modes = {child.name: mode_of(child) for child in path.parent.iterdir()}
        assert len(modes) == 2
        assert set(modes.values()) == {0o600}
        store(Document.empty())
    assert mode_of(path) == 0o600
    assert mode_of(path.parent) == 0o700


def rehearse(path: Path) -> None:
    """Try whether the file can be replaced, as before a refresh token is used."""
    file = SignInFile(path)
    with file.locked(), file.prepare_write(file.read_or_empty()):
        pass


def test_rehearsal_changes_nothing(path: Path) -> None:
    """The content stays byte by byte, also the unknown fields and how they are written."""
    path.parent.mkdir()
    path.write_text('{"version": 1,\n\n  "mine": [1]}')
    path.chmod(0o600)
    rehearse(path)
    assert path.read_text() == '{"version": 1,\n\n  "mine": [1]}'
    assert [child.name for child in path.parent.iterdir()] == ["auth.json", "auth.json.lock"]


def test_file_that_changes_during_the_rehearsal_is_kept(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The official client takes no lock: what it writes isn't replaced by the copy."""
    path.parent.mkdir()
    path.write_bytes(Document.empty().dump())
    path.chmod(0o600)
    real = os.fsync

    synced: list[int] = []

    def write_meanwhile(descriptor: int) -> None:
        synced.append(descriptor)
        if len(synced) == 2:  # the space was taken, and now the copy is written
            path.write_bytes(Document.empty().with_values(client_id="theirs").dump())
        real(descriptor)

    monkeypatch.setattr(os, "fsync", write_meanwhile)
    rehearse(path)
    assert SignInFile(path).read().client_id == "theirs"


def can_mount() -> bool:
    """Return whether a process can have mounts of its own here."""
    unshare = shutil.which("unshare")
    if unshare is None:
        return False
    return subprocess.call([unshare, "-rm", "true"], stderr=subprocess.DEVNULL) == 0


@pytest.mark.skipif(not can_mount(), reason="mounts can't be made here")
def test_file_that_is_mounted_alone_is_refused_before_the_refresh(path: Path) -> None:
    """`docker -v` and a Kubernetes subPath mount a file so; nothing can be renamed over it."""
    path.parent.mkdir()
    path.write_bytes(Document.empty().dump())
    path.chmod(0o600)
    outside = path.parent.with_name("outside.json")
    outside.write_bytes(path.read_bytes())
    outside.chmod(0o600)
    program = (
        "import sys; from pathlib import Path\n"
        "from tests.credentials.test_sign_in_file import rehearse\n"
        "rehearse(Path(sys.argv[1]))"
    )
    script = 'mount --bind "$1" "$2" && exec "$3" -c "$4" "$2"'
    result = subprocess.run(
        [
            *("unshare", "-rm", "sh", "-c", script, "sh"),
            *(str(outside), str(path), sys.executable, program),
        ],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 1
    assert "Device or resource busy" in result.stderr
    assert "must be the folder, not the file alone" in result.stderr
    assert outside.read_bytes() == path.read_bytes()


@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="only root can change owners")
def test_run_as_root_leaves_all_files_to_the_user(path: Path) -> None:
    """`sudo` may keep HOME: what root makes there must stay the user's."""
    path.parent.parent.chmod(0o755)
    os.chown(path.parent.parent, 12345, 12345)
    file = SignInFile(path)
    with file.locked():
        file.write(Document.empty())
    assert {child.stat().st_uid for child in (path.parent, *path.parent.iterdir())} == {12345}
    os.chown(path.parent, 0, 0)
    rehearse(path)
    assert path.stat().st_uid == 12345


def test_writing_a_file_that_others_can_read_makes_it_private(path: Path) -> None:
    """The new file doesn't get the old one's mode."""
    path.parent.mkdir()
    path.write_bytes(Document.empty().dump())
    path.chmod(0o644)
    rehearse(path)
    assert mode_of(path) == 0o600


def test_file_that_others_can_read_gives_a_warning(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A warning says how to make the file private."""
    path.parent.mkdir()
    path.write_bytes(Document.empty().dump())
    path.chmod(0o640)
    with caplog.at_level(logging.WARNING):
        SignInFile(path).read()
    assert "chmod 600" in caplog.text


def test_abandoned_write_changes_nothing(path: Path) -> None:
    """After an error, the file has the old content, and there is no other file but the lock."""
    file = SignInFile(path)
    with file.locked():
        file.write(Document.empty())
        before = path.read_bytes()
        with pytest.raises(ZeroDivisionError), file.prepare_write(Document.empty()):
            raise ZeroDivisionError
    assert path.read_bytes() == before
    assert {child.name for child in path.parent.iterdir()} == {"auth.json", "auth.json.lock"}


def test_temporary_file_of_a_killed_program_is_removed(path: Path) -> None:
    """The next write removes the temporary file of a killed program."""
    path.parent.mkdir()
    left_over = path.with_name(f".{path.name}.abc123.parallel-provider.tmp")
    left_over.write_text("half a token")
    foreign = path.with_name(".auth.abc123.tmp")
    foreign.write_text("the official client's")
    with SignInFile(path).locked():
        SignInFile(path).write(Document.empty())
        assert not left_over.exists()
        assert foreign.exists()


def test_folder_that_cannot_be_opened_is_no_failure_after_the_write(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file is in its place then. The folder may be one that its user can't list."""
    really_open = os.open

    def no_folders(name: str, flags: int, *arguments: int) -> int:
        if os.path.isdir(name):  # noqa: PTH112 - Path would open nothing either
            raise PermissionError(errno.EACCES, "Permission denied")
        return really_open(name, flags, *arguments)

    file = SignInFile(path)
    with file.locked():
        monkeypatch.setattr(os, "open", no_folders)
        file.write(Document.empty().with_values(client_id="client_1"))
    assert file.read().client_id == "client_1"


def test_symbolic_link_stays_and_its_target_is_written(path: Path, tmp_path: Path) -> None:
    """A file that a link points to, such as one of dotfiles, stays where it is."""
    target = tmp_path / "dotfiles" / "auth.json"
    target.parent.mkdir()
    target.write_bytes(Document.empty().dump())
    path.parent.mkdir()
    path.symlink_to(target)
    file = SignInFile(path)
    with file.locked():
        file.write(Document.empty().with_values(client_id="client_1"))
        assert target.with_name("auth.json.lock").exists()
    assert path.is_symlink()
    assert SignInFile(target).read().client_id == "client_1"


def test_missing_file_is_an_error_that_says_to_sign_in(path: Path) -> None:
    """A missing file has an error of its own."""
    with pytest.raises(NoSignInFileError, match="parallel-provider login"):
        SignInFile(path).read()
    assert SignInFile(path).read_or_empty().orgs == {}


@pytest.mark.parametrize("kind", ["directory", "pipe", "loop"])
def test_something_else_in_the_files_place_is_an_error(path: Path, kind: str) -> None:
    """The error names the path, and reading it doesn't hang."""
    path.parent.mkdir()
    if kind == "directory":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    else:
        path.symlink_to(path)
    with pytest.raises(CredentialsError, match=r"auth.json can't be read"):
        SignInFile(path).read_or_empty()


def test_lock_that_is_held_for_too_long_is_an_error(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If a program that holds the lock hangs, the others don't wait for ever."""
    monkeypatch.setattr(sign_in_file, "LOCK_SECONDS", 0.1)
    held, done = threading.Event(), threading.Event()

    def hold() -> None:
        with SignInFile(path).locked():
            held.set()
            done.wait(10)

    holder = threading.Thread(target=hold)
    holder.start()
    held.wait(10)
    too_long = pytest.raises(CredentialsError, match=r"auth.json.lock for 0 seconds")
    with too_long, SignInFile(path).locked():
        pytest.fail("two hold the lock")
    done.set()
    holder.join()


def test_lock_that_cannot_be_made_is_an_error(path: Path) -> None:
    """The error names the lock, and says what to do."""
    path.parent.write_text("a file where a directory should be")
    no_lock = pytest.raises(CredentialsError, match=r"auth.json.lock can't be taken")
    with no_lock, SignInFile(path).locked():
        pytest.fail("there is no lock")
