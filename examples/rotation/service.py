"""A service that reads its key from a file. It is an example of a resource that uses a key.

With another provider, this would be a Kubernetes secret or a parameter store, for example.
"""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pulumi
from pulumi.dynamic import (
    CreateResult,
    DiffResult,
    Resource,
    ResourceProvider,
    UpdateResult,
)

_INPUTS = ("api_key", "key_file", "reload_command")


class ServiceProvider(ResourceProvider):
    """Writes the key to the service's file, and makes the service reload it."""

    # The state has only the name of this class, so that needn't be a secret.
    serialize_as_secret_always = False

    def diff(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> DiffResult:
        """A change of `key_file` replaces the service; all other changes are in place."""
        changed = [name for name in _INPUTS if _olds.get(name) != _news.get(name)]
        replaces = [name for name in changed if name == "key_file"]
        return DiffResult(changes=bool(changed), replaces=replaces)

    def create(self, props: dict[str, Any]) -> CreateResult:
        """Pass the first key to the service."""
        _hand_over(props)
        return CreateResult(id_=props["key_file"], outs=props)

    def update(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> UpdateResult:
        """Pass the next key to the service. If that fails, the previous key still works."""
        _hand_over(_news)
        return UpdateResult(outs=_news)

    def delete(self, _id: str, _props: dict[str, Any]) -> None:
        """Delete the key's file."""
        Path(_props["key_file"]).unlink(missing_ok=True)


class Service(Resource, module="examples", name="Service"):
    """A service that reads its key from a file."""

    def __init__(
        self,
        resource_name: str,
        *,
        api_key: pulumi.Input[str],
        key_file: pulumi.Input[str],
        reload_command: pulumi.Input[Sequence[str]] | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Declare a service. `reload_command` is run without a shell after each new key."""
        super().__init__(
            ServiceProvider(),
            resource_name,
            {"api_key": api_key, "key_file": key_file, "reload_command": reload_command},
            pulumi.ResourceOptions.merge(
                pulumi.ResourceOptions(additional_secret_outputs=["api_key"]), opts
            ),
        )


def _hand_over(props: dict[str, Any]) -> None:
    key_file = Path(props["key_file"])
    # Only the owner can read a temporary file. It becomes the key's file in one step, so the
    # service never reads an incomplete key.
    with tempfile.NamedTemporaryFile("w", dir=key_file.parent, delete=False) as new:
        new.write(props["api_key"])
    Path(new.name).replace(key_file)
    if props.get("reload_command"):
        subprocess.run(props["reload_command"], check=True)  # noqa: S603 - the user's own command
