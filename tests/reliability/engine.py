"""A small engine: it runs steps in Pulumi's order, but in this process.

It runs a list of declarations through the real adapter, lifecycle and client against the emulator,
so hundreds of runs take seconds. The state is stored after each step, even if the run fails or is
killed later. There is one step at a time.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from parallel_provider.calls import Process
from parallel_provider.dynamic._adapter import DOOR, Adapter
from parallel_provider.errors import ParallelError
from parallel_provider.lifecycle import lifecycle_of
from parallel_provider.lifecycle.run import Run


@dataclass(frozen=True)
class Declared:
    """A resource of a program. `app` is the name of the app whose `app_id` it uses."""

    kind: str
    name: str
    inputs: Mapping[str, Any] = field(default_factory=dict)
    app: str | None = None


@dataclass
class Resource:
    """A resource of the state: its inputs and its outputs."""

    kind: str
    name: str
    resource_id: str
    inputs: dict[str, Any]
    outputs: dict[str, Any]


class Killed(BaseException):
    """The provider's process was killed."""


@dataclass
class Stack:
    """The state: live resources in order of creation, and resources still to be deleted."""

    resources: list[Resource] = field(default_factory=list)
    leaving: list[Resource] = field(default_factory=list)
    interrupted: list[str] = field(default_factory=list)

    @property
    def all(self) -> list[Resource]:
        """Return all resources of the state."""
        return [*self.resources, *self.leaving]

    def find(self, kind: str, name: str) -> Resource | None:
        """Return a live resource."""
        return next((r for r in self.resources if (r.kind, r.name) == (kind, name)), None)

    def up(self, run: Run, program: Sequence[Declared]) -> None:
        """Run a program. An error of a step is raised, and later steps don't start."""
        for declared in program:
            self._bring(run, declared)
        wanted = {(declared.kind, declared.name) for declared in program}
        for resource in [r for r in self.resources if (r.kind, r.name) not in wanted]:
            self.resources.remove(resource)
            self.leaving.append(resource)
        self._delete_leaving(run)

    def destroy(self, run: Run) -> None:
        """Delete everything."""
        self.up(run, [])

    def refresh(self, run: Run) -> None:
        """Read all resources into the state."""
        for resource in list(self.resources):
            read = _adapter(run, resource.kind).read(resource.resource_id, resource.outputs)
            if read.id:
                resource.outputs = dict(read.outs or {})
            else:
                self.resources.remove(resource)

    def _bring(self, run: Run, declared: Declared) -> None:
        adapter = _adapter(run, declared.kind)
        old = self.find(declared.kind, declared.name)
        news = self._inputs(declared)
        news = self._checked(adapter, declared, old.inputs if old else {}, news)
        if old is None:
            self.resources.append(self._create(adapter, declared, news))
            return
        diff = adapter.diff(old.resource_id, old.outputs, news)
        if diff.replaces:
            new = self._create(adapter, declared, self._checked(adapter, declared, {}, news))
            self.resources.remove(old)
            self.leaving.append(old)
            self.resources.append(new)
        # Without an answer, Pulumi compares the inputs itself.
        elif diff.changes or (diff.changes is None and news != old.inputs):
            with self._step(f"updating {declared.name}"):
                updated = adapter.update(old.resource_id, old.outputs, news)
            old.inputs, old.outputs = news, dict(updated.outs or {})
        else:
            old.inputs = news

    def _create(self, adapter: Adapter, declared: Declared, news: dict[str, Any]) -> Resource:
        with self._step(f"creating {declared.name}"):
            created = adapter.create(news)
        return Resource(declared.kind, declared.name, created.id, news, dict(created.outs or {}))

    def _delete_leaving(self, run: Run) -> None:
        # Delete keys before their apps: dependents are created last and deleted first.
        for resource in sorted(self.leaving, key=lambda r: r.kind == "App"):
            with self._step(f"deleting {resource.name}"):
                _adapter(run, resource.kind).delete(resource.resource_id, resource.outputs)
            self.leaving.remove(resource)

    def _inputs(self, declared: Declared) -> dict[str, Any]:
        inputs = dict(declared.inputs)
        if declared.app is not None:
            app = self.find("App", declared.app)
            assert app is not None, f"{declared.app} isn't declared before {declared.name}"
            inputs["app_id"] = app.resource_id
        return inputs

    @staticmethod
    def _checked(
        adapter: Adapter, declared: Declared, olds: dict[str, Any], news: dict[str, Any]
    ) -> dict[str, Any]:
        checked = adapter.check(olds, news)
        if checked.failures:
            reasons = "; ".join(f"{f.property} {f.reason}" for f in checked.failures)
            raise ParallelError(f"{declared.kind} {declared.name!r}: {reasons}")
        return dict(checked.inputs)

    @contextmanager
    def _step(self, doing: str) -> Iterator[None]:
        """Record the running step, as the real engine does. After a kill, the record stays."""
        self.interrupted.append(doing)
        try:
            yield
        except Killed:
            raise
        except BaseException:
            self.interrupted.remove(doing)
            raise
        self.interrupted.remove(doing)


def _adapter(run: Run, kind: str) -> Adapter:
    return Adapter(lifecycle_of(kind), lambda: _process(run))


@functools.lru_cache(maxsize=1)
def _process(run: Run) -> Process:
    return Process(DOOR, run=run)


def app(name: str, **inputs: object) -> Declared:
    """Declare an App."""
    return Declared("App", name, {"app_name": name, **inputs})


def api_key(name: str, app_name: str, **inputs: object) -> Declared:
    """Declare an ApiKey."""
    return Declared("ApiKey", name, {"api_key_name": name, **inputs}, app_name)


def rotating_key(name: str, app_name: str, **inputs: object) -> Declared:
    """Declare a RotatingApiKey."""
    defaults = {"api_key_name": name, "rotate_after": "30d", "overlap": "2d"}
    return Declared("RotatingApiKey", name, {**defaults, **inputs}, app_name)


def top_up(name: str, **inputs: object) -> Declared:
    """Declare a BalanceTopUp."""
    names = {"organization": "acme", "project": "shop", "stack": "prod", "resource_name": name}
    return Declared("BalanceTopUp", name, {**names, **inputs})
