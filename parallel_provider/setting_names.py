"""The names of all settings, and warnings about names that look like a misspelt setting.

With a misspelt `parallel:orgId`, no organization is checked, and nobody would notice. Every program
imports this module, so it imports difflib only when there may be something to warn about.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

NAMESPACE = "parallel"
PREFIX = "PARALLEL_"

CONFIG_KEYS = (
    "accessToken",
    "tokenCommand",
    "orgId",
    "maxTopUpCents",
    "timeoutSeconds",
    "serviceApiUrl",
    "platformUrl",
)
VARIABLES = (
    "PARALLEL_ACCESS_TOKEN",
    "PARALLEL_TOKEN_COMMAND",
    "PARALLEL_REFRESH_TOKEN",
    "PARALLEL_REFRESH_TOKEN_SAVE_COMMAND",
    "PARALLEL_CLIENT_ID",
    "PARALLEL_AUTH_FILE",
    "PARALLEL_ORG_ID",
    "PARALLEL_MAX_TOP_UP_CENTS",
    "PARALLEL_TIMEOUT_SECONDS",
    "PARALLEL_SERVICE_API_URL",
    "PARALLEL_PLATFORM_URL",
)
IMPORTED_RAW_KEY = "PARALLEL_IMPORT_RAW_API_KEY"
"""The variable with the raw key of a key that the native plugin imports."""

# Other programs use this prefix too, so only names that are very similar to ours are reported.
_MIN_SIMILARITY = 0.85


def unknown_key_warnings(keys: Iterable[str], project: str) -> Iterator[str]:
    """Yield a warning for each key of the stack configuration that may be a misspelt setting.

    `keys` have their namespace. A project that is named "parallel" has keys of its own in our
    namespace: these are reported only if they are similar to one of ours.
    """
    for full_key in sorted(keys):
        namespace, _, key = full_key.rpartition(":")
        if namespace == NAMESPACE and key not in CONFIG_KEYS:
            nearest = _nearest(key, CONFIG_KEYS)
            if nearest is None and project == NAMESPACE:
                continue
        elif namespace not in (NAMESPACE, project) and _is_similar(namespace, NAMESPACE):
            nearest = _nearest(key, CONFIG_KEYS)
            if nearest is None:
                continue
        else:
            continue
        hint = f"did you mean {NAMESPACE}:{nearest}?" if nearest else _known(CONFIG_KEYS)
        yield f"The stack's configuration sets {full_key!r}, which is no setting: {hint}"


def plain_token_warning() -> str:
    """Return the warning about an access token that is no secret of the configuration."""
    token = f"{NAMESPACE}:accessToken"
    return (
        f"{token} is in the stack's configuration as plain text, and so it gets into the "
        f"state and into what is kept of the configuration: set it again with `pulumi config "
        f"set --secret {token}`, or use PARALLEL_ACCESS_TOKEN in the environment instead"
    )


def unknown_variable_warnings(names: Iterable[str]) -> Iterator[str]:
    """Yield a warning for each environment variable that is similar to one of ours."""
    for name in sorted(names):
        if not name.startswith(PREFIX) or name in VARIABLES:
            continue
        suffixes = {known.removeprefix(PREFIX): known for known in VARIABLES}
        nearest = _nearest(name.removeprefix(PREFIX), suffixes, cutoff=_MIN_SIMILARITY)
        if nearest is not None:
            yield (
                f"The environment sets {name}, which is no setting: "
                f"did you mean {suffixes[nearest]}?"
            )


def _nearest(name: str, known: Collection[str], cutoff: float = 0.6) -> str | None:
    from parallel_provider.late import difflib  # noqa: PLC0415 - most runs don't need it

    plain = {_normalized(each): each for each in known}
    if _normalized(name) in plain:
        return plain[_normalized(name)]
    found = difflib.get_close_matches(_normalized(name), plain, n=1, cutoff=cutoff)
    return plain[found[0]] if found else None


def _is_similar(name: str, known: str) -> bool:
    return _nearest(name, (known,), cutoff=_MIN_SIMILARITY) is not None


def _normalized(name: str) -> str:
    """Return a name in small letters, without the characters between its words."""
    return "".join(character for character in name.casefold() if character.isalnum())


def _known(keys: Iterable[str]) -> str:
    return "those are " + ", ".join(f"{NAMESPACE}:{key}" for key in keys)
