"""The raw keys that the user gives for keys that are imported."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping

from pydantic import SecretStr

from parallel_provider.errors import LifecycleError
from parallel_provider.printable import remember_secret
from parallel_provider.settings import IMPORTED_RAW_KEY

_SHORTEST_KEY = 8
_DOTS_OF_A_TOKEN = 2
_FORM = 'a JSON object {"API_KEY_ID": "RAW_API_KEY", …}'


def raw_key_of(api_key_id: str, environment: Mapping[str, str] = os.environ) -> SecretStr | None:
    """Return the raw key that the user gives for a key that is imported.

    The variable has a JSON object with a raw key for each key's id. Raises LifecycleError.
    """
    text = environment.get(IMPORTED_RAW_KEY, "").strip()
    return _raws_by_id(text).get(api_key_id) if text else None


def _raws_by_id(text: str) -> dict[str, SecretStr]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict) or not found:
        raise LifecycleError(f"{IMPORTED_RAW_KEY} must be {_FORM}")
    raws = {key_id: _valid(raw) for key_id, raw in found.items()}
    if len({raw.get_secret_value() for raw in raws.values()}) < len(raws):
        raise LifecycleError(f"{IMPORTED_RAW_KEY} has the same raw key for two keys")
    return raws


def _valid(text: object) -> SecretStr:
    raw = text if isinstance(text, str) else ""
    is_token = raw.startswith("eyJ") and raw.count(".") == _DOTS_OF_A_TOKEN
    is_word = raw.isprintable() and not any(map(str.isspace, raw))
    if len(raw) < _SHORTEST_KEY or is_token or not is_word:
        raise LifecycleError(
            f"{IMPORTED_RAW_KEY} has no raw API key for one of its keys: it must be {_FORM}, with "
            "each key as it was shown when it was created"
        )
    remember_secret(raw)
    return SecretStr(raw)
