"""Keys that something else has created: their ids for an import, and what is known of them.

The API can't read keys. So the id has the app, the key and its name, and the raw key comes from the
user. The key's age counts from its import.
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ValidationError

from parallel_provider.errors import LifecycleError
from parallel_provider.lifecycle.claims import new_owner
from parallel_provider.lifecycle.field_types import AppId, VisibleText
from parallel_provider.lifecycle.one_time_secret import fingerprint
from parallel_provider.lifecycle.presence import seen_in
from parallel_provider.lifecycle.resource import RawKeyOf
from parallel_provider.lifecycle.run import Context
from parallel_provider.printable import field_name, printable
from parallel_provider.settings import IMPORTED_RAW_KEY

FORM = "APP_ID/API_KEY_ID/API_KEY_NAME"


class ImportedKey(BaseModel):
    """What the id of an import says about a key."""

    app_id: AppId
    api_key_id: VisibleText
    api_key_name: VisibleText

    @classmethod
    def parse(cls, kind: str, text: str) -> ImportedKey:
        """Read the id of an import. A name may have slashes. Raises LifecycleError."""
        parts = text.split("/", 2)
        try:
            if len(parts) != len(cls.model_fields) or any(map(str.isspace, parts[1])):
                raise LifecycleError("")
            return cls(**dict(zip(cls.model_fields, parts, strict=True)))
        except (LifecycleError, ValidationError):
            raise LifecycleError(
                # Without the text: somebody may have pasted the raw key.
                f"{kind} can't be read by its id alone. It is imported by {FORM}, and this id "
                "hasn't this form: the Parallel console shows the key's id and its name, and "
                "`parallel-provider apps` the id of its app"
            ) from None


def imported_outputs(
    context: Context, kind: str, resource_id: str, raw_key_of: RawKeyOf
) -> dict[str, Any]:
    """Return the outputs of a key that is imported.

    Raises LifecycleError if the id hasn't the form of one, or its app doesn't exist. What the API
    doesn't tell is an empty text.
    """
    key = ImportedKey.parse(kind, resource_id)
    run = context.run
    run.require_allowed_organization()
    app = run.apps.find(key.app_id)
    if app is None:
        raise LifecycleError(
            f"there is no app with the id {key.app_id} in the organization of the access token, or "
            "its person may not see it: `parallel-provider apps` lists those that are"
        )
    raw = raw_key_of(key.api_key_id)
    shown = f"{key.api_key_name!r} ({printable(key.api_key_id)})"
    if raw is None:
        context.warn(
            f"{shown} is imported without its raw key, which can't be read: "
            f"{field_name('raw_api_key')} stays empty. To have it in the state, remove the key "
            f"with `pulumi state delete`, name its id in {IMPORTED_RAW_KEY}, and import it again."
        )
    context.info(
        f"{shown}: the Account API can't read keys, so only its app was checked. Make sure that "
        "its id" + (" and its name are right." if raw is None else ", name and raw key are right.")
    )
    here, at_server = run.clock(), run.server_time()
    return {
        **key.model_dump(),
        "owner_id": new_owner(),
        "app_name": app.app_name,
        "org_id": app.org_id,
        "seen_by": seen_in(run, app.app_id),
        "created_by_user_id": "",
        "created_by_user_email": "",
        "display_value": "",
        # The later one, as for a new key of which two times are known.
        "created_at": int(here if at_server is None else max(here, at_server)),
        "raw_api_key": raw,
        "raw_api_key_fingerprint": "" if raw is None else fingerprint(raw),
    }
