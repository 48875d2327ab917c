"""A service that reads its key from a file: stands here for whatever uses yours.

With another provider this would be a Kubernetes secret, a parameter store or a function's settings.
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
    """Puts the key where the service looks for it, and has the service take it up."""

    # The state names this class, and holds no code.
    serialize_as_secret_always = False

    def diff(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> DiffResult:
        """A file elsewhere is another one; everything else is done in place."""
        changed = [name for name in _INPUTS if _olds.get(name) != _news.get(name)]
        replaces = [name for name in changed if name == "key_file"]
        return DiffResult(changes=bool(changed), replaces=replaces)

    def create(self, props: dict[str, Any]) -> CreateResult:
        """Hand over the first key."""
        _hand_over(props)
        return CreateResult(id_=props["key_file"], outs=props)

    def update(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> UpdateResult:
        """Hand over the next key; if that fails, the one before it still works."""
        _hand_over(_news)
        return UpdateResult(outs=_news)

    def delete(self, _id: str, _props: dict[str, Any]) -> None:
        """Leave no key behind."""
        Path(_props["key_file"]).unlink(missing_ok=True)


class Service(Resource, module="examples", name="Service"):
    """A service that reads its key from a file of its own."""

    def __init__(
        self,
        resource_name: str,
        *,
        api_key: pulumi.Input[str],
        key_file: pulumi.Input[str],
        reload_command: pulumi.Input[Sequence[str]] | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Declare it; `reload_command` is run, without a shell, once a new key is in the file."""
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
    # Temporary files are for their owner's eyes alone, and this one becomes the key's file in one
    # step, so that the service never reads half a key.
    with tempfile.NamedTemporaryFile("w", dir=key_file.parent, delete=False) as new:
        new.write(props["api_key"])
    Path(new.name).replace(key_file)
    if props.get("reload_command"):
        subprocess.run(props["reload_command"], check=True)  # noqa: S603 - the user's own command
