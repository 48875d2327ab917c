"""The content of the sign-in file, in the official client's format, version 1.

Only the fields that are needed here are read. All others, at every level, are written back as they
were found.
"""

from __future__ import annotations

import copy
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field, SecretStr, ValidationError

from parallel_provider.credentials.hints import LOGIN_HINT
from parallel_provider.credentials.times import LATEST_SECONDS, duration, moment
from parallel_provider.credentials.tokens import AccessToken
from parallel_provider.errors import CredentialsError
from parallel_provider.model import Model, why
from parallel_provider.printable import masked_setting, printable

if TYPE_CHECKING:
    from parallel_provider.credentials.oauth_models import TokenGrant

VERSION = 1
WARN_AHEAD_SECONDS = 3 * 24 * 60 * 60.0

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
        return self.access is not None or bool(self.refresh_token)

    @property
    def refresh_end(self) -> tuple[float, str] | None:
        """When a refresh stops working, and which part expires then; None if that isn't known."""
        ends = [
            (end, part)
            for end, part in (
                (self.authorization_expires_at, "authorization"),
                (self.refresh_token_expires_at, "refresh token"),
            )
            if end is not None
        ]
        return min(ends, default=None)

    def has_ended(self, now: float) -> bool:
        """Say whether the access token has expired and a refresh can't work any more."""
        end = self.refresh_end
        can_refresh = bool(self.refresh_token) and (end is None or end[0] > now)
        return not can_refresh and (self.access is None or self.access.is_expired(now))

    def end_warning(self, now: float) -> str | None:
        """Return a warning with the time left if a refresh stops working soon."""
        if self.refresh_end is None:
            return None
        end, part = self.refresh_end
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
    api_key: SecretStr | None = None
    control_api: StoredTokens | None = None

    @property
    def tokens(self) -> StoredTokens:
        """The tokens, all None if the file has no `control_api`."""
        return self.control_api or StoredTokens()


class _SignInFile(Model):
    version: int
    selected_org_id: str | None = None
    client_id: str | None = None
    orgs: dict[str, StoredOrg] | None = None


class UnusableDocumentError(ValueError):
    """The content can't be read; the error's text completes the sentence "FILE is …"."""


@dataclass(frozen=True)
class Document:
    """The file's content: `raw` as it was found, and the fields that are used here."""

    raw: dict[str, Any] = field(repr=False)
    selected_org_id: str | None
    client_id: str | None
    orgs: dict[str, StoredOrg]

    @classmethod
    def empty(cls) -> Document:
        """Return the content that a new file starts with."""
        return cls.from_raw({"version": VERSION, "selected_org_id": None, "orgs": {}})

    @classmethod
    def parse(cls, content: bytes) -> Document:
        """Read a file's content. Raises UnusableDocumentError."""
        if not content.strip():
            raise UnusableDocumentError("empty")
        try:
            raw = json.loads(content)
        except (ValueError, RecursionError):
            raise UnusableDocumentError("damaged (not JSON)") from None
        if not isinstance(raw, dict):
            raise UnusableDocumentError("damaged (not a JSON object)")
        return cls.from_raw(raw)

    @classmethod
    def from_raw(cls, raw: dict[str, Any]) -> Document:
        """Validate the fields that are used here. Raises UnusableDocumentError."""
        version = raw.get("version")
        if type(version) is not int or version < VERSION:
            raise UnusableDocumentError("in a format that isn't known here (no version 1)")
        if version > VERSION:
            raise UnusableDocumentError(
                f"in a newer format (version {version}) than this version of parallel-provider "
                "can read: upgrade it"
            )
        try:
            view = _SignInFile.model_validate(raw)
        except ValidationError as error:
            raise UnusableDocumentError(f"damaged ({printable(why(error))})") from None
        return cls(raw, view.selected_org_id, view.client_id, view.orgs or {})

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
        chosen = org_id or self.selected_org_id
        if chosen is not None and chosen in signed_in:
            return chosen
        others = f"; signed in: {', '.join(signed_in)}" if signed_in else ""
        if org_id is not None:
            configured = f" ({origin})" if origin else ""
            raise CredentialsError(
                f"there is no stored sign-in for organization {masked_setting(org_id)}{configured}"
                f"{others}: "
                f"{LOGIN_HINT} and choose it"
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
        org = _child(_child(raw, "orgs"), org_id)
        org.pop("control_api", None)
        if not org.get("api_key"):
            raw["orgs"].pop(org_id)
        left = Document.from_raw(raw)
        signed_in = left.signed_in
        if left.selected_org_id in signed_in:
            return left
        if len(signed_in) == 1:
            return left.with_values(selected_org_id=signed_in[0])  # needs no choice
        # The official client goes on with a data API key of the selected organization.
        return left if left.selected_org_id in left.orgs else left.with_values(selected_org_id=None)

    def with_values(self, **values: str | None) -> Document:
        """Return the content with other values at its top level."""
        return Document.from_raw({**self.raw, **values})


def _child(parent: dict[str, Any], key: str) -> dict[str, Any]:
    """Return the object at `key`. It is added if there is none, or null, which means the same."""
    if parent.get(key) is None:
        parent[key] = {}
    child: dict[str, Any] = parent[key]
    return child
