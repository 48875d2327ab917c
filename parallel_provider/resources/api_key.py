"""ApiKey: one key for Parallel's data API."""

from collections.abc import Sequence
from typing import Any

import pulumi

from parallel_provider.resources._resource import CREATE_INSTEAD, ParallelResource


class ApiKey(ParallelResource, module="parallel", name="ApiKey"):
    """A key for Parallel's data API, of one app.

    The server shows the raw key once, when it creates the key. The stack's state keeps it as a
    secret. A change of `app_id`, `api_key_name` or `triggers` replaces the key. The new key exists,
    and the resources that depend on it are updated, before the old key is revoked.

    API: POST /service/v1/apps/{app_id}/keys, DELETE /service/v1/apps/{app_id}/keys/{api_key_id}.
    The API can't read or list keys. So a refresh finds out only that a key's app was deleted.
    """

    api_key_id: pulumi.Output[str]
    """The key's id; also the resource's id."""
    api_key_name: pulumi.Output[str]
    """The key's name in the Parallel console."""
    app_id: pulumi.Output[str]
    """The id of its app."""
    app_name: pulumi.Output[str]
    """The name of its app."""
    org_id: pulumi.Output[str]
    """The organization's id."""
    created_by_user_id: pulumi.Output[str]
    """The id of the user who created it: the user of the access token."""
    created_by_user_email: pulumi.Output[str]
    """That user's e-mail address."""
    display_value: pulumi.Output[str]
    """The shortened form that the console shows; not a secret."""
    created_at: pulumi.Output[int]
    """When it was created, in epoch seconds by the server's clock."""
    raw_api_key: pulumi.Output[str]
    """The key itself: always a secret. Empty if the state doesn't keep it: with
    `keep_raw_api_key=False`, once the key is delivered."""
    raw_api_key_fingerprint: pulumi.Output[str]
    """"sha256:" and the key's hash in hexadecimal digits; not a secret."""
    triggers: pulumi.Output[Any]
    """What was given as `triggers`."""

    _name_input = "api_key_name"
    _secret_outputs = ("raw_api_key",)
    _instead_of_import = CREATE_INSTEAD

    def __init__(
        self,
        resource_name: str,
        *,
        app_id: pulumi.Input[str],
        api_key_name: pulumi.Input[str] | None = None,
        triggers: pulumi.Input[Any] | None = None,
        deliver_command: pulumi.Input[Sequence[pulumi.Input[str]]] | None = None,
        keep_raw_api_key: pulumi.Input[bool] = True,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Declare a key.

        :param resource_name: the name within the program.
        :param app_id: the app that it belongs to.
        :param api_key_name: the name in the Parallel console. It is `resource_name` if not given.
            It then stays until you give another one, or the key is replaced.
        :param triggers: any JSON-like value; a change of it replaces the key.
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
                "triggers": triggers,
                "deliver_command": deliver_command,
                "keep_raw_api_key": None if keep_raw_api_key is True else keep_raw_api_key,
            },
            opts,
        )
