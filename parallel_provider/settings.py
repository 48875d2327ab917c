"""THE table of settings, and the settings of one run: from the stack, then from the environment.

Each setting has a key in the stack's configuration (`parallel:accessToken`), a variable in the
environment (`PARALLEL_ACCESS_TOKEN`), or both. The warnings about misspelt names, the schema of the
native plugin, the tables of the documents and what commands don't inherit are made from the same
table. This module uses neither the network nor files. Every program imports it, so it imports
pydantic and difflib only when it needs them.
"""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple
from urllib.parse import urlsplit

from parallel_provider.errors import SettingsError
from parallel_provider.printable import remember_secret

if TYPE_CHECKING:
    from pydantic import SecretStr

NAMESPACE = "parallel"
PREFIX = "PARALLEL_"

DEFAULT_SERVICE_API_URL = "https://api.parallel.ai/account"
DEFAULT_PLATFORM_URL = "https://platform.parallel.ai"
DEFAULT_TIMEOUT_SECONDS = 120
_MAX_TIMEOUT_SECONDS = 3600
_MAX_CENTS = 10**18 - 1
# The file of the official client: a sign-in with either program works for both.
DEFAULT_AUTH_FILE = Path("~/.config/parallel-web-tools/auth.json")
# Other programs use this prefix too, so only names that are very similar to ours are reported.
_VERY_SIMILAR = 0.85


class Setting(NamedTuple):
    """One setting. A guard only restricts: all of its values count, and none may be blank.

    `key` is its name in the stack's configuration and among the native provider's arguments. An
    empty text is a name that it doesn't have. `text` says in a document what it is.
    """

    key: str
    variable: str
    kind: Literal["text", "secret", "command", "path", "url", "cents", "seconds"]
    text: str
    is_guard: bool = False


SETTINGS = (
    Setting(
        "accessToken",
        "PARALLEL_ACCESS_TOKEN",
        "secret",
        "an access token, used as it is; a secret. It is valid for minutes only. Use the stack's "
        "setting for tests only: a later refresh or destroy would still use the old token",
    ),
    Setting(
        "tokenCommand",
        "PARALLEL_TOKEN_COMMAND",
        "command",
        "a command that prints a token, or JSON with `access_token` and `expires_at`. It runs "
        "again shortly before the token expires and after a 401",
    ),
    Setting("", "PARALLEL_REFRESH_TOKEN", "secret", "needs `PARALLEL_REFRESH_TOKEN_SAVE_COMMAND`"),
    Setting(
        "",
        "PARALLEL_REFRESH_TOKEN_SAVE_COMMAND",
        "command",
        "this command gets the present refresh token before it is used, and then each new one, on "
        "its standard input",
    ),
    Setting(
        "",
        "PARALLEL_CLIENT_ID",
        "text",
        "the OAuth client that `PARALLEL_REFRESH_TOKEN` was issued to. Default: the client of the "
        "stored sign-in, or else `parallel-cli`",
    ),
    Setting(
        "",
        "PARALLEL_AUTH_FILE",
        "path",
        "the file of the stored sign-in. Default: the file of the official client",
    ),
    Setting(
        "orgId",
        "PARALLEL_ORG_ID",
        "text",
        "the organization: which stored sign-in to use, and a guard. Nothing is done with a token "
        "of another organization, if two places name different ones, or if it is set and blank",
        is_guard=True,
    ),
    Setting(
        "maxTopUpCents",
        "PARALLEL_MAX_TOP_UP_CENTS",
        "cents",
        "the highest amount of one charge, in US cents. Without it, nothing is charged; if it is "
        "set twice, the lower one counts; blank is an error",
        is_guard=True,
    ),
    Setting(
        "timeoutSeconds",
        "PARALLEL_TIMEOUT_SECONDS",
        "seconds",
        "the time limit of one API call, with all its attempts and the complete answers. Default: "
        f"{DEFAULT_TIMEOUT_SECONDS}, at most {_MAX_TIMEOUT_SECONDS}",
    ),
    Setting(
        "serviceApiUrl",
        "PARALLEL_SERVICE_API_URL",
        "url",
        f"the Account API. Default: `{DEFAULT_SERVICE_API_URL}`",
    ),
    Setting(
        "platformUrl",
        "PARALLEL_PLATFORM_URL",
        "url",
        f"the sign-in. Default: `{DEFAULT_PLATFORM_URL}`",
    ),
)
_BY_VARIABLE = {each.variable: each for each in SETTINGS}
CONFIG_KEYS = tuple(each.key for each in SETTINGS if each.key)
VARIABLES = tuple(each.variable for each in SETTINGS)
IMPORTED_RAW_KEY = "PARALLEL_IMPORT_RAW_API_KEY"
"""The variable with the raw keys of the keys that the native plugin imports."""
SECRET_VARIABLES = (
    *(each.variable for each in SETTINGS if each.kind in ("secret", "command")),
    IMPORTED_RAW_KEY,
)
"""The variables that give a secret to this package."""

# The first one that is set counts: of the stack's configuration, or else of the environment.
_TOKEN_VARIABLES = ("PARALLEL_ACCESS_TOKEN", "PARALLEL_TOKEN_COMMAND", "PARALLEL_REFRESH_TOKEN")

Lookup = Callable[[str], str | None]
"""Returns the text of a key of the stack's configuration, such as "parallel:orgId", or None."""


class TokenSetting(NamedTuple):
    """A setting that gives access tokens: the name of its variable, its value, and its place."""

    variable: str
    value: SecretStr
    origin: str


@dataclass(frozen=True)
class Settings:
    """The settings of one run, validated.

    `token_settings` are those that give access tokens; the first one is used. `save_command` and
    `client_id` belong to a refresh token among them. `timeout_seconds` is how long one call of the
    API may take, with all its attempts.
    """

    service_api_url: str
    platform_url: str
    auth_file: Path
    token_settings: tuple[TokenSetting, ...] = ()
    save_command: str | None = None
    client_id: str | None = None
    org_id: str | None = None
    org_id_origin: str | None = None
    max_top_up_cents: int | None = None
    timeout_seconds: int = DEFAULT_TIMEOUT_SECONDS

    @classmethod
    def load(
        cls,
        config: Lookup,
        environ: Mapping[str, str],
        *,
        stack: Lookup | None = None,
        org_id: str | None = None,
    ) -> Settings:
        """Read and validate every setting.

        `config` is the stack's configuration. With `stack`, it has the arguments of an explicit
        provider, and only the guards of the stack's configuration count besides them. `org_id` is
        the option --org of a command, a guard too. Raises SettingsError, which names the setting
        that can't be used.
        """
        origin = "parallel:{}" if stack is None else "the provider's {}"

        def configured(variable: str) -> list[_Value]:
            return _values(_BY_VARIABLE[variable], origin, config)

        def from_environment(variable: str) -> list[_Value]:
            return _given(_BY_VARIABLE[variable], variable, environ.get(variable))

        def all_of(variable: str) -> list[_Value]:
            setting, guards = _BY_VARIABLE[variable], list[_Value]()
            if stack is not None and setting.is_guard:
                guards = _values(setting, "parallel:{}", stack)
            return [*configured(variable), *guards, *from_environment(variable)]

        option = _given(_BY_VARIABLE["PARALLEL_ORG_ID"], "--org", org_id)
        org_ids = [*option, *all_of("PARALLEL_ORG_ID")]
        _require_one_organization(org_ids)
        auth_file = _text(from_environment("PARALLEL_AUTH_FILE"))
        return cls(
            service_api_url=_url(all_of("PARALLEL_SERVICE_API_URL"), DEFAULT_SERVICE_API_URL),
            platform_url=_url(all_of("PARALLEL_PLATFORM_URL"), DEFAULT_PLATFORM_URL),
            auth_file=_expanded(Path(auth_file) if auth_file else DEFAULT_AUTH_FILE),
            token_settings=tuple(
                _token_setting(variable, value)
                for place in (configured, from_environment)
                for variable in _TOKEN_VARIABLES
                for value in place(variable)
            ),
            save_command=_text(from_environment("PARALLEL_REFRESH_TOKEN_SAVE_COMMAND")),
            client_id=_text(from_environment("PARALLEL_CLIENT_ID")),
            org_id=_text(org_ids),
            org_id_origin=org_ids[0].origin if org_ids else None,
            max_top_up_cents=min(map(_cents, all_of("PARALLEL_MAX_TOP_UP_CENTS")), default=None),
            timeout_seconds=next(
                map(_timeout, all_of("PARALLEL_TIMEOUT_SECONDS")), DEFAULT_TIMEOUT_SECONDS
            ),
        )

    @classmethod
    def of_environment(cls, org_id: str | None = None) -> Settings:
        """Read the settings of a command, which belongs to no stack. `org_id` is its --org."""
        return cls.load(lambda _key: None, os.environ, org_id=org_id)


class _Value(NamedTuple):
    """A value, and the name of the key or variable that it comes from, for errors."""

    text: str
    origin: str


def _values(setting: Setting, origin: str, config: Lookup) -> list[_Value]:
    if not setting.key:
        return []
    return _given(setting, origin.format(setting.key), config(f"{NAMESPACE}:{setting.key}"))


def _given(setting: Setting, origin: str, text: str | None) -> list[_Value]:
    """Return a value that is there. Blank is not set, as pipelines often export empty variables.

    A guard that is there and blank was meant to restrict something.
    """
    if text is not None and text.strip():
        return [_Value(text.strip(), origin)]
    if text is not None and setting.is_guard:
        raise SettingsError(
            f"{origin} is set and blank, so it would allow everything that it is there to refuse: "
            "give it its value, or remove it"
        )
    return []


def _expanded(path: Path) -> Path:
    """Replace `~` in a path. Return the path as it is if there is no home directory."""
    try:
        return path.expanduser()
    except RuntimeError:
        return path  # an access token needs no file; `SignInFile` raises the error


def _require_one_organization(values: list[_Value]) -> None:
    """Refuse two different organizations: each of them allows one organization only.

    `pulumi destroy` uses the configuration of the last `pulumi up`, so the environment alone may
    have the right one.
    """
    for other in values[1:]:
        if other.text != values[0].text:
            raise SettingsError(
                f"{values[0].origin} and {other.origin} name different organizations, and nothing "
                "is done until both name the same one, or one of them is removed"
            )


def _text(values: Iterable[_Value]) -> str | None:
    return next((value.text for value in values), None)


def _token_setting(variable: str, value: _Value) -> TokenSetting:
    from parallel_provider.late import pydantic  # noqa: PLC0415 - heavy

    if _BY_VARIABLE[variable].kind == "secret":
        remember_secret(value.text)
    return TokenSetting(variable, pydantic.SecretStr(value.text), value.origin)


def _cents(value: _Value) -> int:
    return _whole_number(value, "cents, such as 2000 for $20.00", 0, _MAX_CENTS)


def _timeout(value: _Value) -> int:
    unit = f"seconds from 1 to {_MAX_TIMEOUT_SECONDS}"
    return _whole_number(value, unit, 1, _MAX_TIMEOUT_SECONDS)


def _whole_number(value: _Value, unit: str, lowest: int, highest: int) -> int:
    text, origin = value
    # isdecimal also accepts the digits of other scripts; int() refuses very long texts.
    is_number = text.isascii() and text.isdecimal() and len(text) <= len(str(highest))
    if not is_number or not lowest <= int(text) <= highest:
        # The value stays out of the message: a secret may have been pasted into the wrong place.
        raise SettingsError(f"{origin} must be a whole number of {unit}")
    return int(text)


def _url(values: list[_Value], default: str) -> str:
    if not values:
        return default
    text, origin = values[0]
    try:
        parts = urlsplit(text)
        host = parts.hostname
        _ = parts.port
    except ValueError:
        raise SettingsError(f"{origin} isn't a valid URL: check it for typos") from None
    if parts.scheme not in ("http", "https") or not host:
        raise SettingsError(
            f"{origin} must be a full URL, such as {default}: "
            "it needs https:// (or http:// for a loopback address) and a host"
        )
    if parts.username is not None or parts.password is not None:
        # The value itself stays out of the message: it may hold a password.
        raise SettingsError(
            f"{origin} must not contain a user name or password: remove what stands "
            "before the @ in it"
        )
    if parts.query or parts.fragment:
        raise SettingsError(f"{origin} must not have a query or a fragment (? or #)")
    if parts.scheme == "http" and not is_loopback(host):
        raise SettingsError(
            f"{origin} uses plain http for {host}, which would send tokens unencrypted: "
            "use https:// (plain http is for loopback addresses only)"
        )
    return text.rstrip("/")


def is_loopback(host: str) -> bool:
    """Say whether a URL's host can only be this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def setting_warnings(
    keys: Iterable[str], project: str, variables: Iterable[str], *, has_plain_token: bool = False
) -> Iterator[str]:
    """Yield warnings about names that may be misspelt settings, and about a token in plain text.

    `keys` are those of the stack's configuration, with their namespace. A project that is named
    "parallel" has keys of its own in our namespace, and other programs have variables with our
    prefix: these are reported only if they are similar to one of ours.
    """
    for key in sorted(keys):
        known = _meant_key(key, project)
        if known:
            yield f"The stack's configuration sets {key!r}, which is no setting: {known}"
    suffixes = {known.removeprefix(PREFIX): known for known in VARIABLES}
    for name in sorted(variables):
        if name.startswith(PREFIX) and name not in VARIABLES:
            similar = nearest(name.removeprefix(PREFIX), suffixes, cutoff=_VERY_SIMILAR)
            if similar:
                yield (
                    f"The environment sets {name}, which is no setting: "
                    f"did you mean {suffixes[similar]}?"
                )
    if has_plain_token:
        token = f"{NAMESPACE}:accessToken"
        yield (
            f"{token} is in the stack's configuration as plain text, and so it gets into the "
            f"state and into what is kept of the configuration: set it again with `pulumi config "
            f"set --secret {token}`, or use PARALLEL_ACCESS_TOKEN in the environment instead"
        )


def argument_warnings(names: Iterable[str]) -> Iterator[str]:
    """Yield a warning for each argument of an explicit provider that is similar to one of ours.

    The engine has arguments of its own, such as `version`.
    """
    for name in sorted(set(names) - set(CONFIG_KEYS)):
        similar = nearest(name, CONFIG_KEYS)
        if similar:
            yield f"A provider has the argument {name!r}, which is none: did you mean {similar}?"


def _meant_key(full_key: str, project: str) -> str:
    """Say which setting a key of the configuration may stand for; "" if it is none of ours."""
    namespace, _, key = full_key.rpartition(":")
    is_ours = namespace == NAMESPACE
    if is_ours and key in CONFIG_KEYS:
        return ""
    if not is_ours and (namespace == project or not nearest(namespace, [NAMESPACE], _VERY_SIMILAR)):
        return ""
    similar = nearest(key, CONFIG_KEYS)
    if similar:
        return f"did you mean {NAMESPACE}:{similar}?"
    all_keys = ", ".join(f"{NAMESPACE}:{known}" for known in CONFIG_KEYS)
    return f"those are {all_keys}" if is_ours and project != NAMESPACE else ""


def nearest(name: str, known: Iterable[str], cutoff: float = 0.6) -> str | None:
    """Return the known name that is most similar; None if none is similar enough.

    Capitals, and characters between words, make no difference.
    """
    from parallel_provider.late import difflib  # noqa: PLC0415 - most runs don't need it

    plain = {_letters(each): each for each in known}
    found = difflib.get_close_matches(_letters(name), plain, n=1, cutoff=cutoff)
    return plain[found[0]] if found else None


def _letters(name: str) -> str:
    return "".join(character for character in name.casefold() if character.isalnum())
