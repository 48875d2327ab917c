"""RotatingApiKey: a key for Parallel's data API that is renewed without downtime."""

from collections.abc import Sequence
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any, TypedDict

import pulumi

from parallel_provider.resources._resource import CREATE_INSTEAD, ParallelResource

if TYPE_CHECKING:

    class RetiredKey(TypedDict):
        """A key that isn't revoked yet. `retired_at` is in epoch seconds."""

        api_key_id: str
        api_key_name: str
        retired_at: float
else:
    RetiredKey = dict[str, Any]  # Pulumi reads the annotations, and knows no TypedDict of outputs


class RotatingApiKey(ParallelResource, module="parallel", name="RotatingApiKey"):
    """A key that is rotated when it is old enough. The previous key keeps working for some time.

    The first `pulumi up` after `rotate_after`, or after a change of `triggers`, rotates the key in
    place. The next generation becomes the current key, and the resources that depend on it are
    updated in the same run. The previous key keeps working until `overlap` has passed. The first
    run after that revokes it. A refresh, an upgrade or a change of `overlap` never rotates.

    A change of `app_id` or `api_key_name` replaces the resource. Deleting it revokes every key that
    it still has.

    API: POST /service/v1/apps/{app_id}/keys, DELETE /service/v1/apps/{app_id}/keys/{api_key_id}.
    """

    api_key_id: pulumi.Output[str]
    """The current key's id. The resource's own id stays that of the first key."""
    api_key_name: pulumi.Output[str]
    """The current key's name in the Parallel console: "svc", then "svc-2", "svc-3"."""
    app_id: pulumi.Output[str]
    """The id of its app."""
    app_name: pulumi.Output[str]
    """The name of its app."""
    org_id: pulumi.Output[str]
    """The organization's id."""
    created_by_user_id: pulumi.Output[str]
    """The id of the user who created the current key: the user of the access token."""
    created_by_user_email: pulumi.Output[str]
    """That user's e-mail address."""
    display_value: pulumi.Output[str]
    """The shortened form of the current key that the console shows; not a secret."""
    created_at: pulumi.Output[int]
    """When the current key was created, in epoch seconds by the server's clock."""
    raw_api_key: pulumi.Output[str]
    """The current key itself: always a secret. Empty if the state doesn't keep it: with
    `keep_raw_api_key=False`, once the key is delivered."""
    raw_api_key_fingerprint: pulumi.Output[str]
    """"sha256:" and the hash of the current key in hexadecimal digits; not a secret."""
    generation: pulumi.Output[int]
    """The number of the current key, counted from 1."""
    rotate_after: pulumi.Output[str]
    """The age at which a key is rotated."""
    overlap: pulumi.Output[str]
    """How long the previous key keeps working."""
    next_rotation_at: pulumi.Output[int]
    """From this time on, a run rotates the current key by age. In epoch seconds."""
    previous_api_key_id: pulumi.Output[str | None]
    """The id of the previous key, until it is revoked."""
    previous_api_key_name: pulumi.Output[str | None]
    """The previous key's name in the Parallel console."""
    previous_raw_api_key: pulumi.Output[str | None]
    """The previous key itself: always a secret."""
    previous_expires_at: pulumi.Output[int | None]
    """From this time on, a run revokes the previous key. In epoch seconds."""
    keys_to_revoke: pulumi.Output[list[RetiredKey]]
    """Older keys that aren't revoked yet. Their revocation failed, or a further rotation came
    within their overlap."""
    triggers: pulumi.Output[Any]
    """What was given as `triggers`."""

    _name_input = "api_key_name"
    _secret_outputs = ("raw_api_key", "previous_raw_api_key")
    _instead_of_import = CREATE_INSTEAD

    def __init__(
        self,
        resource_name: str,
        *,
        app_id: pulumi.Input[str],
        rotate_after: pulumi.Input[str | timedelta],
        overlap: pulumi.Input[str | timedelta] = "1d",
        api_key_name: pulumi.Input[str] | None = None,
        triggers: pulumi.Input[Any] | None = None,
        deliver_command: pulumi.Input[Sequence[pulumi.Input[str]]] | None = None,
        keep_raw_api_key: pulumi.Input[bool] = True,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Declare a rotating key.

        Durations are `timedelta`, "90d", "12h", "30m", "45s", combinations ("1d12h"), or ISO 8601
        ("P30D").

        :param resource_name: the name within the program.
        :param app_id: the app that it belongs to.
        :param rotate_after: the age at which the first run after it rotates the key.
        :param overlap: how long the old key keeps working after that, counted from the new key's
            `created_at`; at most `rotate_after`. With "0s" it is revoked in the same run, after the
            new one exists.
        :param api_key_name: the first key's name in the Parallel console. Later keys add "-2",
            "-3". It is `resource_name` if not given. It then stays until you give another one, or
            the resource is replaced.
        :param triggers: any JSON-like value; a change of it rotates at once.
        :param deliver_command: a command, as a list of its arguments, that gets each raw key once,
            on its standard input, such as ["gh", "secret", "set", "PARALLEL_API_KEY"]. No shell is
            involved, and it has a minute. If it fails, the new key is revoked again and the run
            fails. A change of the command takes effect with the next key.
        :param keep_raw_api_key: with False, the state keeps no raw key once it is delivered, only
            its fingerprint.
        :param opts: Pulumi's resource options.
        """
        super().__init__(
            resource_name,
            {
                "app_id": app_id,
                "api_key_name": api_key_name,
                "rotate_after": _as_text(rotate_after),
                "overlap": _as_text(overlap),
                "triggers": triggers,
                "deliver_command": deliver_command,
                "keep_raw_api_key": None if keep_raw_api_key is True else keep_raw_api_key,
            },
            opts,
        )

    @property
    def next_rotation_time(self) -> pulumi.Output[str]:
        """`next_rotation_at` as a UTC time in ISO 8601, such as "2026-11-24T16:48:16Z"."""
        return _utc_time(self.next_rotation_at)

    @property
    def previous_expires_time(self) -> pulumi.Output[str | None]:
        """`previous_expires_at` as a UTC time in ISO 8601."""
        return _utc_time(self.previous_expires_at)


def _as_text(duration: pulumi.Input[str | timedelta]) -> pulumi.Input[str]:
    """Return a timedelta as text, since Pulumi has no such type. Other values stay as they are."""
    if isinstance(duration, pulumi.Output):
        return duration.apply(_known_as_text)
    if isinstance(duration, str | timedelta):
        return _known_as_text(duration)
    return duration  # type: ignore[return-value] # awaitables of text, and mistakes


def _known_as_text(duration: str | timedelta) -> str:
    if isinstance(duration, timedelta):
        return f"{duration // timedelta(seconds=1)}s"
    return duration


def _utc_time(seconds: pulumi.Output[Any]) -> pulumi.Output[Any]:
    return seconds.apply(lambda known: None if known is None else _iso_8601(known))


def _iso_8601(seconds: float) -> str:
    return datetime.fromtimestamp(int(seconds), timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
