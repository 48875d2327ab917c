"""The rules. Each is a function of values, and yields what is wrong as one line.

They know the types of the dynamic provider (`pulumi-python:dynamic/parallel:App`, inputs such as
`app_name`) and those of the native plugin (`parallel:index:App`, `appName`).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

_TYPE = re.compile(r"(?:pulumi-python:dynamic/parallel|parallel:index):(\w+)")
_DYNAMIC = "pulumi-python:dynamic/"
_WITH_A_RAW_SECRET = {"ApiKey", "RotatingApiKey"}
_PROVIDER = "pulumi:providers:parallel"
_UNITS = {"w": 7 * 86_400, "d": 86_400, "h": 3_600, "m": 60, "s": 1}
_DURATION = re.compile(
    r"(?=\d)(?:(\d+)w)?(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?"
    r"|P(?=\d|T\d)(?:(\d+)W)?(?:(\d+)D)?(?:T(?=\d)(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?"
)
_DAY = 86_400
_ENCRYPTING = ("default", "passphrase")
_KEY_SERVICES = ("awskms://", "azurekeyvault://", "gcpkms://", "hashivault://")


@dataclass(frozen=True)
class Resource:
    """A resource of the stack, as a policy sees it: its inputs, and whether it is protected."""

    type: str
    inputs: Mapping[str, Any]
    is_protected: bool = False

    @property
    def kind(self) -> str | None:
        """The name of its class, such as "App"; None if it isn't one of this provider's."""
        found = _TYPE.fullmatch(self.type)
        return found[1] if found else None

    def input(self, name: str) -> Any:  # noqa: ANN401 - JSON
        """Return an input by its name in Python, or None."""
        return next((self.inputs[n] for n in (name, _camel(name)) if n in self.inputs), None)

    def spelled(self, name: str) -> str:
        """Return the name of an input as a program of the resource's provider writes it."""
        return name if self.type.startswith(_DYNAMIC) else _camel(name)


def rotates_in_time(resource: Resource, max_days: float) -> Iterator[str]:
    """Require that a `RotatingApiKey` rotates after at most `max_days` days."""
    if resource.kind != "RotatingApiKey":
        return
    given, name = resource.input("rotate_after"), resource.spelled("rotate_after")
    seconds = duration_seconds(given)
    if seconds is None:
        yield f"{name} is no duration: set one of at most {max_days:g} days"
    elif seconds > max_days * _DAY:
        yield f"{name} is {given!r}: set a duration of at most {max_days:g} days"


def raw_keys_are_safe(
    resource: Resource, secrets_provider: str, environment: Mapping[str, str]
) -> Iterator[str]:
    """Require that the state has no raw key, or that a named secrets provider encrypts it."""
    if resource.kind not in _WITH_A_RAW_SECRET:
        return
    if resource.input("keep_raw_api_key") is False:
        return
    keep, deliver = resource.spelled("keep_raw_api_key"), resource.spelled("deliver_command")
    instead = f"or set {keep} to false and a {deliver}"
    if not secrets_provider:
        yield (
            "the state keeps the raw key, and nothing says how it is encrypted: set "
            f"secretsProvider in the configuration of this policy to the stack's, {instead}"
        )
    elif secrets_provider not in _ENCRYPTING and not secrets_provider.startswith(_KEY_SERVICES):
        yield (
            f"the state keeps the raw key, and {secrets_provider!r} is no secrets provider of "
            f"Pulumi's: use another one, {instead}"
        )
    elif secrets_provider == "passphrase" and environment.get("PULUMI_CONFIG_PASSPHRASE") == "":
        yield (
            "the state keeps the raw key, and the passphrase is empty: "
            f"run `pulumi stack change-secrets-provider`, {instead}"
        )


def apps_and_keys_are_protected(resource: Resource, stack: str, stacks: str) -> Iterator[str]:
    """Require that apps and keys are protected in stacks whose names match a regular expression.

    With --skip-preview, `pulumi destroy` revokes unprotected keys before it meets a protected app.
    """
    if resource.kind not in {"App", *_WITH_A_RAW_SECRET} or resource.is_protected:
        return
    try:
        is_production = re.search(stacks, stack) is not None
    except re.error as error:
        yield f"stacks in the configuration of this policy is no regular expression: {error}"
        return
    if is_production:
        yield f"it isn't protected, and {stack!r} is a production stack: set its option protect"


def top_ups_are_limited(resource: Resource) -> Iterator[str]:
    """Require that a `BalanceTopUp` has a monthly limit."""
    if resource.kind == "BalanceTopUp" and resource.input("monthly_limit_cents") is None:
        limit, threshold = map(resource.spelled, ("monthly_limit_cents", "when_below_cents"))
        yield f"the top-up has no limit: set {limit}, and {threshold} with it"


def no_token_is_stored(configured: Collection[str]) -> Iterator[str]:
    """Refuse an access token in the stack's configuration. `configured` are its full keys."""
    if "parallel:accessToken" in configured:
        yield (
            "the stack's configuration sets parallel:accessToken, and the state keeps it: run "
            "`pulumi config rm parallel:accessToken`, and use parallel:tokenCommand or a sign-in"
        )


def no_provider_has_a_token(resource: Resource) -> Iterator[str]:
    """Refuse an access token as an argument of an explicit provider."""
    if resource.type == _PROVIDER and resource.input("access_token") is not None:
        yield (
            "the provider has an access token, and the state keeps it: use tokenCommand or a "
            "sign-in instead of accessToken"
        )


def _camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(part.capitalize() for part in rest)


def duration_seconds(given: object) -> int | None:
    """Return the seconds of a duration such as "90d", "1d12h" or "P30D"; None for anything else."""
    match = _DURATION.fullmatch(given) if isinstance(given, str) and given.isascii() else None
    if match is None:
        return None
    simple, iso_8601 = match.groups()[:5], match.groups()[5:]
    counts = iso_8601 if any(iso_8601) else simple
    return sum(int(n or 0) * unit for n, unit in zip(counts, _UNITS.values(), strict=True))
