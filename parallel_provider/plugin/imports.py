"""The raw keys that the user gives for keys that are imported."""

from __future__ import annotations

import contextlib
import json
import os
import threading
from collections.abc import Mapping
from pathlib import Path

from pydantic import SecretStr

from parallel_provider.errors import LifecycleError, UserFolderError
from parallel_provider.lifecycle.one_time_secret import fingerprint
from parallel_provider.printable import printable, remember_secret
from parallel_provider.settings import IMPORTED_RAW_KEY
from parallel_provider.user_folder import make_user_folder

_SHORTEST_KEY = 8
_DOTS_OF_A_TOKEN = 2
_lock = threading.Lock()
_key_ids: dict[str, str] = {}


def raw_key_of(api_key_id: str, environment: Mapping[str, str] = os.environ) -> SecretStr | None:
    """Return the raw key that the user gives for a key that is imported.

    The variable has a raw key, or a JSON object with a raw key for each key's id. A raw key without
    an id is used for one key only. Raises LifecycleError.
    """
    text = environment.get(IMPORTED_RAW_KEY, "").strip()
    if not text:
        return None
    if not text.startswith("{"):
        raw = _valid(text)
        other = _first_user(fingerprint(raw), api_key_id)
        if other != api_key_id:
            raise LifecycleError(
                f"the raw key in {IMPORTED_RAW_KEY} was taken for the key {printable(other)} "
                "already, and two keys can't have the same: to say which raw key belongs to which "
                f'key, write {{"API_KEY_ID": "RAW_API_KEY", …}} into {IMPORTED_RAW_KEY}'
            )
        return raw
    raws = _raws_by_id(text)
    return raws.get(api_key_id)


def _valid(text: object) -> SecretStr:
    raw = text if isinstance(text, str) else ""
    is_token = raw.startswith("eyJ") and raw.count(".") == _DOTS_OF_A_TOKEN
    is_word = raw.isprintable() and not any(map(str.isspace, raw))
    if len(raw) < _SHORTEST_KEY or is_token or not is_word:
        raise LifecycleError(
            f"{IMPORTED_RAW_KEY} has no raw API key: it must be the key as it was shown when it "
            'was created, or a JSON object {"API_KEY_ID": "RAW_API_KEY", …}'
        )
    remember_secret(raw)
    return SecretStr(raw)


def _raws_by_id(text: str) -> dict[str, SecretStr]:
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if not isinstance(found, dict) or not found:
        raise LifecycleError(f"{IMPORTED_RAW_KEY} begins with {{ and isn't a JSON object with keys")
    raws = {str(key_id): _valid(raw) for key_id, raw in found.items()}
    if len({fingerprint(raw) for raw in raws.values()}) < len(raws):
        raise LifecycleError(f"{IMPORTED_RAW_KEY} has the same raw key for two keys")
    return raws


def _first_user(raw_fingerprint: str, api_key_id: str) -> str:
    """Return the id of the key for which this raw key was used first, on this machine.

    Otherwise somebody who imports a second key and forgets to change the variable would get the
    first one's raw key in its state. The note that is left holds no secret.
    """
    with _lock:
        known = _key_ids.setdefault(raw_fingerprint, api_key_id)
        if known != api_key_id:
            return known
        with contextlib.suppress(OSError, UserFolderError, UnicodeError):
            note = make_user_folder() / f"{raw_fingerprint.partition(':')[2]}.imported"
            return _noted(note, api_key_id)
    return api_key_id


def _noted(note: Path, api_key_id: str) -> str:
    try:
        with note.open("x", encoding="utf-8") as file:
            file.write(api_key_id)
    except FileExistsError:
        return note.read_text(encoding="utf-8") or api_key_id
    return api_key_id
