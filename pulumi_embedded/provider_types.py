"""What the engine asks of a provider: of a process, or of the registry of provider resources."""

from __future__ import annotations

from typing import Protocol

from pulumi_embedded.diffs import ProviderDiff
from pulumi_embedded.provider import CheckResult, ReadResult
from pulumi_embedded.values import Properties


class Provider(Protocol):
    """Calls for one resource. They raise `ProviderError`."""

    def check(self, urn: str, olds: Properties, news: Properties, /) -> CheckResult:
        """Check inputs."""

    def diff(
        self,
        urn: str,
        id_: str,
        /,
        *,
        old_inputs: Properties,
        old_outputs: Properties,
        new_inputs: Properties,
        ignore_changes: list[str],
    ) -> ProviderDiff:
        """Compare a resource with new inputs."""

    def create(
        self, urn: str, inputs: Properties, /, *, preview: bool = False
    ) -> tuple[str, Properties]:
        """Create a resource. Return its id and outputs, or in a preview what is known of them."""

    def update(
        self,
        urn: str,
        id_: str,
        /,
        *,
        old_inputs: Properties,
        old_outputs: Properties,
        new_inputs: Properties,
        ignore_changes: list[str],
        preview: bool = False,
    ) -> Properties:
        """Update a resource. Return its outputs, or in a preview what is known of them."""

    def read(
        self, urn: str, id_: str, /, *, inputs: Properties | None, state: Properties | None
    ) -> ReadResult:
        """Read a resource. For an import, there are no inputs and no state."""

    def delete(self, urn: str, id_: str, /, *, inputs: Properties, outputs: Properties) -> None:
        """Delete a resource."""
