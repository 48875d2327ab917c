"""The resources in a stack's state, and the changes that an operation makes to them."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

from pulumi_embedded.urns import PROVIDER_PREFIX, provider_urn
from pulumi_embedded.values import Properties


@dataclass(eq=False)
class ResourceState:
    """One resource in the state. Two objects are equal only if they are the same object."""

    urn: str
    type: str
    custom: bool
    id: str = ""
    inputs: Properties = field(default_factory=dict)
    outputs: Properties = field(default_factory=dict)
    parent: str = ""
    protect: bool = False
    external: bool = False
    delete: bool = False
    pending_replacement: bool = False
    dependencies: list[str] = field(default_factory=list)
    property_dependencies: dict[str, list[str]] = field(default_factory=dict)
    provider: str = ""
    additional_secret_outputs: list[str] = field(default_factory=list)
    custom_timeouts: dict[str, float] = field(default_factory=dict)
    retain_on_delete: bool = False
    ignore_changes: list[str] = field(default_factory=list)
    replace_on_changes: list[str] = field(default_factory=list)
    hide_diff: list[str] = field(default_factory=list)
    init_errors: list[str] = field(default_factory=list)  # it exists, but its last step failed
    import_id: str = ""
    created: str = ""
    modified: str = ""
    old_urn: str = ""  # before this operation, if it was renamed; not in an exported state

    @property
    def is_provider(self) -> bool:
        """Whether this resource is a provider."""
        return self.type.startswith(PROVIDER_PREFIX)

    def needs(self) -> Iterator[str]:
        """Yield the URNs of everything that this resource needs, without its parent."""
        yield from self.dependencies
        for urns in self.property_dependencies.values():
            yield from urns
        if self.provider:
            yield provider_urn(self.provider)

    def copy(self, **changes: Any) -> ResourceState:  # noqa: ANN401 - any field
        """Return a copy with some fields changed."""
        return dataclasses.replace(self, **changes)

    def renamed(self, names: Mapping[str, str]) -> ResourceState:
        """Return a copy whose references use the new URNs."""
        if not names:
            return self

        def new(urn: str) -> str:
            return names.get(urn, urn)

        provider = self.provider
        if provider:
            reference, _, id_ = provider.rpartition("::")
            provider = f"{new(reference)}::{id_}"
        return self.copy(
            parent=new(self.parent),
            provider=provider,
            dependencies=[new(urn) for urn in self.dependencies],
            property_dependencies={
                key: [new(urn) for urn in urns] for key, urns in self.property_dependencies.items()
            },
        )


def now() -> str:
    """Return the current time, in the format of a state."""
    return datetime.now(timezone.utc).isoformat().replace("+00:00", "Z")


class SnapshotManager:
    """The resources before the operation, and the changes since then.

    `snapshot` gives the correct state at any moment, also after a failure: first the resources that
    this operation has processed, then the others.
    """

    def __init__(self, before: Iterable[ResourceState]) -> None:
        self._lock = threading.Lock()
        self.rebase(before)

    def rebase(self, before: Iterable[ResourceState]) -> None:
        """Start again from another state."""
        # Copies, because steps change these objects and a preview must not change the state.
        self.before = [state.copy() for state in before]
        self.live = {state.urn: state for state in self.before if not state.delete}
        self._done: set[ResourceState] = set()
        self._new: list[ResourceState] = []

    def add(self, new: ResourceState, instead_of: ResourceState | None = None) -> None:
        """Add a resource, which may take the place of an old one."""
        with self._lock:
            self._new.append(new)
            if instead_of is not None:
                self._done.add(instead_of)

    def added(self, urn: str) -> ResourceState | None:
        """Return the resource of this URN that this operation added, if there is one."""
        with self._lock:
            return next((state for state in self._new if state.urn == urn), None)

    def remove(self, old: ResourceState) -> None:
        """Remove a resource."""
        with self._lock:
            self._done.add(old)

    def current(self, urn: str) -> ResourceState | None:
        """Return the newest state of a resource."""
        with self._lock:
            new = [state for state in self._new if state.urn == urn and state not in self._done]
        return new[-1] if new else self.live.get(urn)

    def snapshot(self) -> list[ResourceState]:
        """Return the resources that exist now, with their current URNs."""
        with self._lock:
            kept = [state for state in self._new if state not in self._done]
            left = [state for state in self.before if state not in self._done]
        names = {state.old_urn: state.urn for state in kept if state.old_urn}
        return [state.renamed(names) for state in (*kept, *left)]


def without_missing_references(resources: Iterable[ResourceState]) -> list[ResourceState]:
    """Return copies without references to resources that don't come earlier in the list."""
    seen: set[str] = set()
    kept: list[ResourceState] = []
    for state in resources:
        kept.append(
            state.copy(
                parent=state.parent if state.parent in seen else "",
                dependencies=[urn for urn in state.dependencies if urn in seen],
                property_dependencies={
                    key: known
                    for key, urns in state.property_dependencies.items()
                    if (known := [urn for urn in urns if urn in seen])
                },
            )
        )
        seen.add(state.urn)
    return kept
