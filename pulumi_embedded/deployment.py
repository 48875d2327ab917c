"""Objects that all parts of one operation share."""

from __future__ import annotations

import json
import os
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final, TypeVar

from pulumi_embedded.display import Display
from pulumi_embedded.errors import Cancelled, StepFailed
from pulumi_embedded.packages import PACKAGE, Packages, missing_plugin
from pulumi_embedded.plugin import PluginProcess
from pulumi_embedded.provider import InitFailed, ProviderError, ProviderProcess
from pulumi_embedded.provider_resources import ProviderResources
from pulumi_embedded.provider_types import Provider
from pulumi_embedded.state import ResourceState, SnapshotManager, now
from pulumi_embedded.urns import (
    PROVIDER_PREFIX,
    ROOT_TYPE,
    Namespace,
    is_default_provider,
    provider_package,
)
from pulumi_embedded.values import Properties, Secret

ORGANIZATION: Final = "organization"
_QUIET_SECONDS: Final = 0.2  # without a provider call
_PROVIDER_TYPE: Final = f"{PROVIDER_PREFIX}{PACKAGE}"
_Result = TypeVar("_Result")


@dataclass(frozen=True)
class Setting:
    """One value of the stack's configuration, under its full key."""

    value: str = field(repr=False)
    secret: bool


@dataclass(frozen=True)
class Options:
    """Options of an operation."""

    space: Namespace
    root_directory: str  # of the project
    program: str  # a folder or a file
    work_dir: str  # of the processes
    env_vars: Mapping[str, str]
    config: Mapping[str, Setting]
    parallel: int
    timeout_seconds: float
    on_output: Callable[[str], object] | None = None
    plugins: Mapping[str, Sequence[str]] = field(default_factory=dict)  # package → command
    stack_references: Mapping[str, Properties] = field(default_factory=dict)  # name → outputs

    @property
    def root(self) -> str:
        """URN of the stack's own resource."""
        return self.root_of(self.space)

    @staticmethod
    def root_of(space: Namespace) -> str:
        """Return the URN of a stack's own resource."""
        return space.urn(ROOT_TYPE, f"{space.project}-{space.stack}")


class Deployment:
    """One running operation: the state, the provider, and whether something failed."""

    def __init__(
        self, options: Options, before: list[ResourceState], display: Display, *, dry_run: bool
    ) -> None:
        self.options = options
        self.dry_run = dry_run
        self.display = display
        self.snapshots = SnapshotManager(before)
        self.packages = Packages(options.plugins)
        self.provider_resources = ProviderResources(self._start_plugin, self.snapshots)
        self.counts: Counter[str] = Counter()
        self.failed = False
        self.step_failed = False  # then one more error line is printed at the end
        self.cancelled = threading.Event()  # no new step starts
        # Set when the program has registered everything, has exited, or must be cancelled.
        self.program_event = threading.Event()
        self.engine_address = ""  # set when the services have started
        self._slots = threading.Semaphore(options.parallel)
        self._providers: list[tuple[Properties, ProviderProcess]] = []  # the last one is used
        self._provider_reference = ""
        self._lock = threading.RLock()
        self._provider_lock = threading.Lock()
        self._calls = 0  # of the provider, running now
        self._last_call = time.monotonic()  # when the last one ended

    def provider(self, state: ResourceState) -> Provider:
        """Return the provider of a resource. Its process is started when it is first needed."""
        if state.is_provider:
            return self.provider_resources
        if provider_package(state.provider) == PACKAGE:
            return self._dynamic_provider()
        return self.provider_resources.by_reference(state.provider)

    def _dynamic_provider(self) -> ProviderProcess:
        """Return the process of the dynamic providers.

        Its configuration is the one that the last `up` left in the state, until the program
        registers a resource of the provider. From then on it is the current configuration. If the
        two differ, a second process is started.
        """
        with self._provider_lock:
            config = self._provider_config()
            if not self._providers or self._providers[-1][0] != config:
                provider = ProviderProcess(
                    engine_address=self.engine_address,
                    work_dir=self.options.work_dir,
                    env=self.environment() | {"PULUMI_PROJECT": self.options.space.project},
                    on_line=self.display.message,
                )
                self._providers.append((config, provider))
                provider.configure(config)
            return self._providers[-1][1]

    def provider_reference(self) -> str:
        """Return the reference to the default provider. The first call adds it to the state."""
        with self._lock:
            if not self._provider_reference:
                old = self._provider_in_state()
                config = self._current_config()
                is_same = old is not None and old.inputs == config
                new = ResourceState(
                    urn=self._provider_urn,
                    type=_PROVIDER_TYPE,
                    custom=True,
                    id=old.id if old else str(uuid.uuid4()),
                    inputs=config,
                    outputs=config,
                    created=old.created if old else now(),
                    modified=old.modified if old and is_same else now(),
                )
                self.snapshots.add(new, instead_of=old)
                self._provider_reference = f"{new.urn}::{new.id}"
            return self._provider_reference

    def _start_plugin(self, package: str) -> PluginProcess:
        command = self.options.plugins.get(package)
        if command is None:
            raise ProviderError(str(missing_plugin(package)))
        own = {
            key.partition(":")[2]: item.value
            for key, item in self.options.config.items()
            if key.startswith(f"{package}:")
        }
        return PluginProcess(
            package,
            command,
            engine_address=self.engine_address,
            work_dir=self.options.work_dir,
            env=self.environment()
            | {"PULUMI_PROJECT": self.options.space.project, "PULUMI_CONFIG": json.dumps(own)},
            on_line=self.display.message,
        )

    def environment(self) -> dict[str, str]:
        """Return the environment of programs and providers."""
        return {**os.environ, **self.options.env_vars}

    def program_environment(self) -> dict[str, str]:
        """Return the environment of the program, which has the stack's configuration too."""
        config = self.options.config
        return self.environment() | {
            "PULUMI_CONFIG": json.dumps({key: item.value for key, item in config.items()}),
            "PULUMI_CONFIG_SECRET_KEYS": json.dumps(
                [k for k, item in config.items() if item.secret]
            ),
        }

    def count(self, operation: str, state: ResourceState) -> None:
        """Count and print a step. Default providers are left out, as on the command line."""
        if is_default_provider(state.urn):
            return
        with self._lock:
            self.counts[operation] += 1
        if operation != "same":
            self.display.step(operation, state.urn)

    @contextmanager
    def slot(self) -> Iterator[None]:
        """Wait until a step may start. Raise `Cancelled` after the operation was cancelled."""
        with self._slots:
            if self.cancelled.is_set():
                raise Cancelled
            yield

    def fail(self, error: StepFailed, *, fatal: bool | None = None) -> None:
        """Report a failure. If it is fatal, no new step starts.

        Resources that the program registers at the same time as the one that failed are still
        created, as they mostly are by Pulumi's engine, which receives registrations faster.
        """
        self.failed = True
        self.step_failed = self.step_failed or error.in_step
        in_preview = self.dry_run and error.in_step
        self.display.error(f"Preview failed: {error}" if in_preview else str(error), error.urn)
        if not (error.fatal if fatal is None else fatal):
            return
        if error.in_step and not self.cancelled.is_set():
            self._cancel_when_quiet()
        else:
            self.cancel()

    def time_out(self) -> None:
        """End the operation: cancel it, and end the provider so that no call goes on."""
        seconds = self.options.timeout_seconds
        text = f"the operation took longer than {seconds:g} seconds (`timeout_seconds`)"
        self.fail(StepFailed("", text, in_step=False))
        self.close()

    def cancel(self) -> None:
        """Start no new step."""
        self.cancelled.set()
        self.program_event.set()

    def _cancel_when_quiet(self) -> None:
        with self._lock:
            quiet_seconds = 0.0 if self._calls else time.monotonic() - self._last_call
        if quiet_seconds >= _QUIET_SECONDS:
            self.cancel()
            return
        timer = threading.Timer(_QUIET_SECONDS - quiet_seconds, self._cancel_when_quiet)
        timer.daemon = True
        timer.start()

    def drain(self, timeout: float) -> None:
        """Wait until running steps have ended, at most `timeout` seconds."""
        until = time.monotonic() + timeout
        for _ in range(self.options.parallel):
            self._slots.acquire(timeout=max(0.0, until - time.monotonic()))

    def call_provider(
        self, urn: str, call: Callable[[], _Result], *, in_step: bool = True
    ) -> _Result:
        """Call the provider. Its error becomes the failure of the resource."""
        with self._lock:
            self._calls += 1
        try:
            return call()
        except InitFailed as error:
            raise StepFailed(urn, str(error), in_step=in_step) from error
        except ProviderError as error:
            raise StepFailed(urn, str(error), in_step=in_step) from None
        finally:
            with self._lock:
                self._calls -= 1
                self._last_call = time.monotonic()

    def close(self) -> None:
        """End the provider processes."""
        self.provider_resources.end()
        for _, provider in self._providers:
            provider.end()

    @property
    def _provider_urn(self) -> str:
        return self.options.space.urn(_PROVIDER_TYPE, "default")

    def _provider_in_state(self) -> ResourceState | None:
        return self.snapshots.live.get(self._provider_urn)

    def _provider_config(self) -> Properties:
        kept = None if self._provider_reference else self._provider_in_state()
        return self._current_config() if kept is None else kept.inputs

    def _current_config(self) -> Properties:
        return {
            key: Secret(item.value) if item.secret else item.value
            for key, item in self.options.config.items()
        }
