"""The settings: from the stack configuration first, then from the environment.

Each setting has a key in the stack configuration (`parallel:accessToken`), a variable in the
environment (`PARALLEL_ACCESS_TOKEN`), or both. A blank value counts as not set, because pipelines
often export empty variables. This module uses neither the network nor files.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import SecretStr

from parallel_provider.errors import SettingsError
from parallel_provider.printable import remember_secret
from parallel_provider.setting_names import NAMESPACE

DEFAULT_SERVICE_API_URL = "https://api.parallel.ai/account"
DEFAULT_PLATFORM_URL = "https://platform.parallel.ai"
DEFAULT_TIMEOUT_SECONDS = 120
_MAX_TIMEOUT_SECONDS = 3600
_MAX_DIGITS = 18
# The file of the official client: a sign-in with either program works for both.
DEFAULT_AUTH_FILE = Path("~/.config/parallel-web-tools/auth.json")


@dataclass(frozen=True)
class Setting:
    """A value, and the name of the key or variable that it comes from, for errors."""

    value: str
    origin: str


@dataclass(frozen=True)
class Settings:
    """The settings of one run, validated.

    `config_…` comes from the stack configuration and `env_…` from the environment;
    `credentials.chain` decides which source of tokens is used. `env_client_id` is the OAuth client
    that `env_refresh_token` belongs to, if that isn't the official client. `timeout_seconds` is how
    long one call of the API may take, with all its attempts.
    """

    service_api_url: str
    platform_url: str
    auth_file: Path
    config_access_token: SecretStr | None = None
    config_token_command: str | None = None
    env_access_token: SecretStr | None = None
    env_token_command: str | None = None
    env_refresh_token: SecretStr | None = None
    env_refresh_token_save_command: str | None = None
    env_client_id: str | None = None
    org_id: str | None = None
    org_id_origin: str | None = None
    max_top_up_cents: int | None = None
    timeout_seconds: int = DEFAULT_TIMEOUT_SECONDS

    @classmethod
    def load(cls, config: Callable[[str], str | None], environ: Mapping[str, str]) -> Settings:
        """Read and validate every setting.

        `config` takes a key of the stack configuration, such as `parallel:orgId`, and returns its
        text or None. Raises SettingsError, which names the setting that can't be used.
        """

        def look_up(key: str | None, variable: str | None) -> Setting | None:
            if key is not None:
                full_key = f"{NAMESPACE}:{key}"
                value = config(full_key)
                if value is not None and value.strip():
                    return Setting(value.strip(), full_key)
            if variable is not None:
                value = environ.get(variable)
                if value is not None and value.strip():
                    return Setting(value.strip(), variable)
            return None

        org_id = look_up("orgId", "PARALLEL_ORG_ID")
        _require_one_organization(look_up("orgId", None), look_up(None, "PARALLEL_ORG_ID"))
        auth_file = look_up(None, "PARALLEL_AUTH_FILE")
        return cls(
            service_api_url=_url(
                look_up("serviceApiUrl", "PARALLEL_SERVICE_API_URL"), DEFAULT_SERVICE_API_URL
            ),
            platform_url=_url(
                look_up("platformUrl", "PARALLEL_PLATFORM_URL"), DEFAULT_PLATFORM_URL
            ),
            auth_file=_expanded(Path(auth_file.value) if auth_file else DEFAULT_AUTH_FILE),
            config_access_token=_secret(look_up("accessToken", None)),
            config_token_command=_text(look_up("tokenCommand", None)),
            env_access_token=_secret(look_up(None, "PARALLEL_ACCESS_TOKEN")),
            env_token_command=_text(look_up(None, "PARALLEL_TOKEN_COMMAND")),
            env_refresh_token=_secret(look_up(None, "PARALLEL_REFRESH_TOKEN")),
            env_refresh_token_save_command=_text(
                look_up(None, "PARALLEL_REFRESH_TOKEN_SAVE_COMMAND")
            ),
            env_client_id=_text(look_up(None, "PARALLEL_CLIENT_ID")),
            org_id=_text(org_id),
            org_id_origin=org_id.origin if org_id else None,
            max_top_up_cents=_cents(look_up("maxTopUpCents", "PARALLEL_MAX_TOP_UP_CENTS")),
            timeout_seconds=_timeout(look_up("timeoutSeconds", "PARALLEL_TIMEOUT_SECONDS")),
        )


def _expanded(path: Path) -> Path:
    """Replace `~` in a path. Return the path as it is if there is no home directory."""
    try:
        return path.expanduser()
    except RuntimeError:
        return path  # an access token needs no file; `SignInFile` raises the error


def _require_one_organization(configured: Setting | None, from_environment: Setting | None) -> None:
    """Refuse two different organizations.

    `pulumi destroy` uses the configuration of the last `pulumi up`, so the environment alone may
    have the right one.
    """
    if configured and from_environment and configured.value != from_environment.value:
        raise SettingsError(
            f"{configured.origin} and {from_environment.origin} name different organizations, and "
            "nothing is done until both name the same one, or one of them is removed"
        )


def _text(setting: Setting | None) -> str | None:
    return setting.value if setting else None


def _secret(setting: Setting | None) -> SecretStr | None:
    if setting is None:
        return None
    remember_secret(setting.value)
    return SecretStr(setting.value)


def _cents(setting: Setting | None) -> int | None:
    if setting is None:
        return None
    if not _is_whole_number(setting.value):
        # The value stays out of the message: a secret may have been pasted into the wrong place.
        raise SettingsError(
            f"{setting.origin} must be a whole number of cents, such as 2000 for $20.00"
        )
    return int(setting.value)


def _timeout(setting: Setting | None) -> int:
    if setting is None:
        return DEFAULT_TIMEOUT_SECONDS
    if not (_is_whole_number(setting.value) and 1 <= int(setting.value) <= _MAX_TIMEOUT_SECONDS):
        raise SettingsError(
            f"{setting.origin} must be a whole number of seconds from 1 to {_MAX_TIMEOUT_SECONDS}"
        )
    return int(setting.value)


def _is_whole_number(text: str) -> bool:
    # isdecimal also accepts the digits of other scripts; int() refuses very long texts.
    return text.isascii() and text.isdecimal() and len(text) <= _MAX_DIGITS


def _url(setting: Setting | None, default: str) -> str:
    if setting is None:
        return default
    try:
        parts = urlsplit(setting.value)
        host = parts.hostname
        _ = parts.port
    except ValueError:
        raise SettingsError(f"{setting.origin} isn't a valid URL: check it for typos") from None
    if parts.scheme not in ("http", "https") or not host:
        raise SettingsError(
            f"{setting.origin} must be a full URL, such as {default}: "
            "it needs https:// (or http:// for a loopback address) and a host"
        )
    if parts.username is not None or parts.password is not None:
        # The value itself stays out of the message: it may hold a password.
        raise SettingsError(
            f"{setting.origin} must not contain a user name or password: remove what stands "
            "before the @ in it"
        )
    if parts.query or parts.fragment:
        raise SettingsError(f"{setting.origin} must not have a query or a fragment (? or #)")
    if parts.scheme == "http" and not is_loopback(host):
        raise SettingsError(
            f"{setting.origin} uses plain http for {host}, which would send tokens unencrypted: "
            "use https:// (plain http is for loopback addresses only)"
        )
    return setting.value.rstrip("/")


def is_loopback(host: str) -> bool:
    """Say whether a URL's host can only be this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
