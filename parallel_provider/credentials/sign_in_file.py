"""The sign-in file: its content and its locks. It is private, and never half written.

The content has the official client's format, version 1. Only the fields that are needed here are
read. All others, at every level, are written back as they were found.

Whoever is about to write the file holds the lock `FILE.lock`. A process that refreshes (`refresh`)
holds it from before it reads the file: the others wait, and find the new token when they get it.
The official client takes no lock. So the file is read again as late as possible before a write.
"""

from __future__ import annotations

import contextlib
import copy
import glob
import json
import logging
import os
import stat
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BeforeValidator, Field, SecretStr, ValidationError
from pydantic_core import from_json

from parallel_provider.credentials.tokens import (
    LATEST_SECONDS,
    LOGIN_HINT,
    AccessToken,
    duration,
    moment,
)
from parallel_provider.errors import CredentialsError, NoSignInFileError, NotConfiguredError
from parallel_provider.model import Model, why
from parallel_provider.printable import line_for_user, masked_setting, printable
from parallel_provider.user_folder import (
    give_to_owner,
    give_to_user,
    make_private_folder,
    move_into_place,
)

if TYPE_CHECKING:
    from parallel_provider.credentials.oauth import TokenGrant

WARN_AHEAD_SECONDS = 3 * 24 * 60 * 60.0
# Longer than a refresh takes: three requests and the waits between them, and two save commands.
LOCK_SECONDS = 240.0
# By how much new tokens, or another program's changes, can make the file longer.
_MARGIN_BYTES = 16 * 1024
_TEMPORARY_SUFFIX = ".parallel-provider.tmp"
_OLD_KEYS_ORG = "legacy"
_OTHER_USERS = stat.S_IRWXG | stat.S_IRWXO
_log = logging.getLogger("parallel_provider")

EpochSeconds = Annotated[float, Field(ge=0, le=LATEST_SECONDS)]


class StoredTokens(Model):
    """The field `control_api` of one organization; times are in epoch seconds."""

    access_token: SecretStr | None = None
    access_token_expires_at: EpochSeconds | None = None
    # Not strict: JSON has lists in the place of tuples.
    access_token_scopes: Annotated[tuple[str, ...], Field(strict=False)] | None = None
    refresh_token: SecretStr | None = None
    refresh_token_expires_at: EpochSeconds | None = None
    authorization_expires_at: EpochSeconds | None = None

    @property
    def access(self) -> AccessToken | None:
        """The access token, if there is one."""
        if not self.access_token:
            return None
        return AccessToken(self.access_token, self.access_token_expires_at)

    @property
    def is_sign_in(self) -> bool:
        """Whether there is a token at all."""
        return bool(self.access_token or self.refresh_token)

    @property
    def end(self) -> tuple[float, str] | None:
        """When the sign-in ends, and which part of it ends first; None if that isn't known.

        A refresh renews the access token, so that counts only if there is no refresh token.
        """
        if not self.refresh_token:
            end = self.access_token_expires_at
            return None if end is None else (end, "access token")
        ends = (
            (self.authorization_expires_at, "authorization"),
            (self.refresh_token_expires_at, "refresh token"),
        )
        return min(((end, part) for end, part in ends if end is not None), default=None)

    def has_ended(self, now: float) -> bool:
        """Say whether the sign-in has ended, and its last access token with it."""
        is_over = self.end is not None and self.end[0] <= now
        return is_over and (self.access is None or self.access.is_expired(now))

    def end_warning(self, now: float) -> str | None:
        """Return a warning with the time left if the sign-in ends soon."""
        if self.end is None:
            return None
        end, part = self.end
        if end - now > WARN_AHEAD_SECONDS:
            return None
        if end <= now:
            return f"the Parallel sign-in has ended (its {part}, {moment(end)}): {LOGIN_HINT}"
        return (
            f"the Parallel sign-in ends in {duration(end - now)} (its {part}, {moment(end)}): "
            f"{LOGIN_HINT} before"
        )


class StoredOrg(Model):
    """One organization of the file."""

    org_name: str | None = None
    control_api: StoredTokens | None = None

    @property
    def tokens(self) -> StoredTokens:
        """The tokens, all None if the file has no `control_api`."""
        return self.control_api or StoredTokens()


class Document(Model):
    """The file's content: `raw` as it was found, and the fields that are used here."""

    raw: dict[str, Any] = Field(repr=False)
    version: Literal[1]
    selected_org_id: str | None = None
    client_id: str | None = None
    orgs: Annotated[
        dict[str, StoredOrg], BeforeValidator(lambda orgs: {} if orgs is None else orgs)
    ] = Field(default_factory=dict)

    @classmethod
    def from_raw(cls, raw: object) -> Document:
        """Validate the fields that are used here. Raises ValidationError."""
        # A file with anything more may be another program's, which a login would overwrite.
        if isinstance(raw, dict) and raw.keys() <= {"access_token"}:
            raw = _of_old_file(raw)
        return cls.model_validate({**raw, "raw": raw} if isinstance(raw, dict) else raw)

    @classmethod
    def empty(cls) -> Document:
        """Return the content that a new file starts with."""
        return cls.from_raw({"version": 1, "selected_org_id": None, "orgs": {}})

    def dump(self) -> bytes:
        """Return the content to write."""
        return json.dumps(self.raw, indent=2).encode()

    @property
    def signed_in(self) -> list[str]:
        """The ids of the organizations with a sign-in."""
        return [key for key, org in self.orgs.items() if org.tokens.is_sign_in]

    def choose_org(self, org_id: str | None, origin: str | None = None) -> str:
        """Return the id of the organization to use: `org_id` if given, else the selected one.

        `origin` is the setting that `org_id` comes from. Raises CredentialsError if there is no
        sign-in for it.
        """
        signed_in = self.signed_in
        chosen = self.selected_org_id if org_id is None else org_id
        if chosen in signed_in:
            return chosen
        others = f"; signed in: {', '.join(signed_in)}" if signed_in else ""
        if org_id is not None:
            configured = f" ({origin})" if origin else ""
            raise CredentialsError(
                f"there is no stored sign-in for organization {masked_setting(org_id)}{configured}"
                f"{others}: {LOGIN_HINT} and choose it"
            )
        raise CredentialsError(
            f"there is no stored sign-in for the selected organization{others}: {LOGIN_HINT}"
            + (", or set PARALLEL_ORG_ID" if signed_in else "")
        )

    def tokens(self, org_id: str) -> StoredTokens:
        """Return the tokens of an organization. Raises CredentialsError if there are none."""
        return self.orgs[self.choose_org(org_id)].tokens

    def with_grant(self, org_id: str, grant: TokenGrant, now: float) -> Document:
        """Return the content with a new pair of tokens for `org_id`."""

        def at(lifetime: float | None) -> int | None:
            return None if lifetime is None else int(now + lifetime)

        raw = copy.deepcopy(self.raw)
        org = _child(_child(raw, "orgs"), org_id)
        if grant.org_name is not None:
            org["org_name"] = grant.org_name
        tokens = _child(org, "control_api")
        if grant.access_token is not None:
            tokens["access_token"] = grant.access_token.get_secret_value()
            tokens["access_token_expires_at"] = at(grant.expires_in)
            tokens["authorization_expires_at"] = at(grant.authorization_expires_in)
        if grant.scope:
            tokens["access_token_scopes"] = grant.scope.split()
        if grant.refresh_token is not None:
            tokens["refresh_token"] = grant.refresh_token.get_secret_value()
            tokens["refresh_token_expires_at"] = at(grant.refresh_token_expires_in)
        return Document.from_raw(raw)

    def with_sign_in(self, client_id: str, org_id: str, grant: TokenGrant, now: float) -> Document:
        """Return the content with the tokens and client of a new sign-in, and its org selected."""
        return self.with_grant(org_id, grant, now).with_values(
            client_id=client_id, selected_org_id=org_id
        )

    def without_sign_in(self, org_id: str) -> Document:
        """Return the content without an organization's tokens; its data API key stays."""
        raw = copy.deepcopy(self.raw)
        org = raw["orgs"][org_id]
        del org["control_api"]
        if not org.get("api_key"):
            del raw["orgs"][org_id]
        left = Document.from_raw(raw)
        # Without a sign-in, the official client goes on with a data API key.
        usable = left.signed_in or list(left.orgs)
        if left.selected_org_id in usable:
            return left
        if len(usable) == 1:
            return left.with_values(selected_org_id=usable[0])  # needs no choice
        return left if left.selected_org_id in left.orgs else left.with_values(selected_org_id=None)

    def with_values(self, **values: str | None) -> Document:
        """Return the content with other values at its top level."""
        return Document.from_raw({**self.raw, **values})


def _of_old_file(raw: dict[str, Any]) -> dict[str, Any]:
    """Return what the official client makes of its first format, which had a data API key only.

    It keeps the key in a placeholder organization, and removes that at its next login.
    """
    key = raw.get("access_token")
    org_id = _OLD_KEYS_ORG if key else None
    return {
        "version": 1,
        "selected_org_id": org_id,
        "orgs": {org_id: {"api_key": key}} if key else {},
    }


def _child(parent: dict[str, Any], key: str) -> dict[str, Any]:
    """Return the object at `key`. It is added if there is none, or null, which means the same."""
    if parent.get(key) is None:
        parent[key] = {}
    child: dict[str, Any] = parent[key]
    return child


class SignInFile:
    """The file at `path`, which may not exist yet."""

    def __init__(self, path: Path) -> None:
        """Raise NotConfiguredError if `path` is in a home directory (`~`) that can't be found."""
        if path.parts[:1] and path.parts[0].startswith("~"):
            raise NotConfiguredError(
                f"the stored sign-in {path} can't be found, because there is no home directory "
                f"{path.parts[0]}: set HOME, name another place in PARALLEL_AUTH_FILE, or set "
                "PARALLEL_ACCESS_TOKEN or PARALLEL_TOKEN_COMMAND"
            )
        self.path = path

    def read(self) -> Document:
        """Return the file's content. Raises CredentialsError; NoSignInFileError if it's missing."""
        try:
            return Document.from_raw(from_json(_read_private(self.path)))
        except FileNotFoundError:
            raise NoSignInFileError(
                f"there is no stored sign-in ({self.path}): {LOGIN_HINT}"
            ) from None
        except OSError as error:
            raise CredentialsError(
                f"the stored sign-in {self.path} can't be read ({error.strerror or error}): "
                "correct that, or name another place in PARALLEL_AUTH_FILE"
            ) from None
        except ValueError as error:
            reason = why(error) if isinstance(error, ValidationError) else "it isn't JSON"
            raise CredentialsError(
                f"the stored sign-in {self.path} can't be used ({printable(reason)}). It is left "
                f"as it is: move it away and {LOGIN_HINT}, or name another place in "
                "PARALLEL_AUTH_FILE. If a newer program has written it, upgrade parallel-provider"
            ) from None

    def read_or_empty(self) -> Document:
        """Return the file's content, or that of a new file if there is none."""
        try:
            return self.read()
        except NoSignInFileError:
            return Document.empty()

    @contextlib.contextmanager
    def prepare_write(self, document: Document) -> Iterator[Callable[[Document], None]]:
        """Give a function that makes a document the file's content. It is on the disk then.

        Before that, a present file is replaced by a copy of itself, and the disk space for
        `document` and new tokens is taken: nothing is in the way of the later write. Call this
        under `locked` only. Raises CredentialsError.
        """
        # A symbolic link is kept, and the file that it points to is written.
        path = Path(os.path.realpath(self.path))
        try:
            if path.exists():
                _rehearse(path)
            with _temporary_file(path, len(document.dump()) + _MARGIN_BYTES) as file:

                def store(new: Document) -> None:
                    _fill(file, new.dump())
                    move_into_place(Path(file.name), path)

                yield store
        except OSError as error:
            raise CredentialsError(
                f"the sign-in can't be stored in {self.path} ({error.strerror or error}): it is "
                f"replaced as a whole, so its folder must be writable, and what is mounted into a "
                "container must be the folder, not the file alone"
            ) from None

    def write(self, document: Document) -> None:
        """Write the file. Call this under `locked` only. Raises CredentialsError."""
        with self.prepare_write(document) as store:
            store(document)

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the lock for writing the file. Raises CredentialsError."""
        from parallel_provider.late import filelock  # noqa: PLC0415 - heavy

        # The real path: two links to one file must share its lock.
        path = Path(os.path.realpath(self.path) + ".lock")
        lock = filelock.FileLock(path, timeout=LOCK_SECONDS, mode=0o600)
        try:
            make_private_folder(path.parent)
            lock.acquire()
            give_to_user(path)
        except filelock.Timeout:
            raise CredentialsError(
                f"another program has held {path} for {LOCK_SECONDS:.0f} seconds: see what is "
                "keeping it, and try again"
            ) from None
        except OSError as error:
            raise CredentialsError(
                f"the lock {path} can't be taken ({error.strerror or error}): "
                "its directory must be writable"
            ) from None
        try:
            yield
        finally:
            lock.release()


def _read_private(path: Path) -> bytes:
    """Read a file of secrets. Logs a warning if other users can read it too. Raises OSError."""
    status = path.stat()
    if not stat.S_ISREG(status.st_mode):
        raise OSError("it isn't a regular file")  # reading a pipe could take for ever
    if status.st_mode & _OTHER_USERS:
        shown = line_for_user(str(path))
        _log.warning("Warning: %s is open to other users: run chmod 600 on it", shown)
    return path.read_bytes()


def _rehearse(path: Path) -> None:
    """Replace a file by a copy of itself. Raises OSError."""
    content = path.read_bytes()
    with _temporary_file(path, len(content)) as file:
        _fill(file, content)
        if path.read_bytes() == content:  # the official client takes no lock
            move_into_place(Path(file.name), path)


@contextlib.contextmanager
def _temporary_file(path: Path, size: int) -> Iterator[IO[bytes]]:
    """Take `size` bytes of disk space beside `path`, so that a full disk is noticed in time.

    Only the holder of the file's lock may call this: it removes the temporary files that killed
    programs have left. The file gets the owner of `path`, also if root writes it, and can be read
    by its owner only. Raises OSError.
    """
    prefix = f".{path.name}."
    for left_over in path.parent.glob(f"{glob.escape(prefix)}*{_TEMPORARY_SUFFIX}"):
        left_over.unlink(missing_ok=True)
    # Its mode is 0600 from the start.
    with tempfile.NamedTemporaryFile(
        prefix=prefix, suffix=_TEMPORARY_SUFFIX, dir=path.parent, delete=False
    ) as file:
        try:
            if path.exists():
                give_to_owner(Path(file.name), path)
            else:
                give_to_user(Path(file.name))
            _fill(file, bytes(size))
            yield file
        finally:
            Path(file.name).unlink(missing_ok=True)


def _fill(file: IO[bytes], content: bytes) -> None:
    """Write a temporary file's content to the disk."""
    file.seek(0)
    file.write(content)
    file.truncate()
    file.flush()
    os.fsync(file.fileno())
