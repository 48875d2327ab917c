"""`EmbeddedStack`: the methods of `pulumi.automation.Stack`, with an engine in this process."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping
from datetime import datetime, timezone
from functools import partial
from pathlib import Path
from typing import Final

from pulumi.automation import (
    ConfigMap,
    ConfigValue,
    Deployment,
    DestroyResult,
    OutputMap,
    PreviewResult,
    RefreshResult,
    UpResult,
)

from parallel_provider.testing import results
from parallel_provider.testing.engine import export, operations
from parallel_provider.testing.engine.deployment import Options, Setting
from parallel_provider.testing.engine.errors import Refused
from parallel_provider.testing.engine.operations import Outcome, SaveState
from parallel_provider.testing.engine.state import ResourceState
from parallel_provider.testing.engine.urns import Namespace

OnOutput = Callable[[str], object]
Operation = Callable[[Options, list[ResourceState], SaveState], Outcome]

_PARALLEL_PER_CORE: Final = 4  # the command line's default

# Options that only change the output, or that have no meaning without the command line.
_WITHOUT_EFFECT: Final = {
    "color", "diff", "message", "on_error", "show_secrets", "suppress_outputs", "suppress_progress",
}  # fmt: skip


class EmbeddedStack:
    """A stack of a Pulumi program, run without the Pulumi command line.

    It has the methods of `pulumi.automation.Stack`. The real program and the real dynamic providers
    run in processes of their own. State and configuration are kept in memory only. `env_vars` are
    added to the environment of program and providers.

        stack = EmbeddedStack("test", "path/to/program", project_name="shop")
        stack.set_config("region", ConfigValue("eu"))
        assert stack.up().outputs["url"].value
    """

    def __init__(
        self,
        stack_name: str,
        work_dir: str | os.PathLike[str],
        *,
        project_name: str = "project",
        env_vars: Mapping[str, str] | None = None,
    ) -> None:
        self.name = stack_name
        self.env_vars = {} if env_vars is None else env_vars
        self._space = Namespace(stack_name, project_name)
        self._work_dir = str(Path(work_dir).resolve())
        self._config: dict[str, ConfigValue] = {}
        self._resources: list[ResourceState] = []
        self._version = 0
        self._running = threading.Lock()

    def set_config(self, key: str, value: ConfigValue) -> None:
        """Set one configuration value. A key without a namespace belongs to the project."""
        self._config[self._full_key(key)] = value

    def set_all_config(self, config: ConfigMap) -> None:
        """Set several configuration values."""
        for key, value in config.items():
            self.set_config(key, value)

    def get_config(self, key: str) -> ConfigValue:
        """Return one configuration value."""
        return self._config[self._full_key(key)]

    def get_all_config(self) -> ConfigMap:
        """Return all configuration values, by their full keys."""
        return dict(self._config)

    def remove_config(self, key: str) -> None:
        """Remove one configuration value."""
        self._config.pop(self._full_key(key), None)

    def preview(
        self,
        *,
        parallel: int | None = None,
        on_output: OnOutput | None = None,
        **options: object,
    ) -> PreviewResult:
        """Return what `up` would do, without doing it."""
        refresh_first = bool(options.pop("refresh", False))
        operation = partial(operations.update, dry_run=True, refresh_first=refresh_first)
        outcome = self._run(operation, parallel, on_output, options)
        return PreviewResult(outcome.stdout, "", results.changes(outcome))

    def up(
        self,
        *,
        parallel: int | None = None,
        on_output: OnOutput | None = None,
        **options: object,
    ) -> UpResult:
        """Run the program and create, update, replace and delete its resources."""
        started = datetime.now(timezone.utc)
        refresh_first = bool(options.pop("refresh", False))
        operation = partial(operations.update, dry_run=False, refresh_first=refresh_first)
        outcome = self._run(operation, parallel, on_output, options)
        summary = results.summary("update", outcome, started, self._version)
        return UpResult(outcome.stdout, "", summary, self.outputs())

    def refresh(
        self,
        *,
        parallel: int | None = None,
        on_output: OnOutput | None = None,
        **options: object,
    ) -> RefreshResult:
        """Read all resources and save in the state what was found."""
        started = datetime.now(timezone.utc)
        outcome = self._run(operations.refresh, parallel, on_output, options)
        summary = results.summary("refresh", outcome, started, self._version)
        return RefreshResult(outcome.stdout, "", summary)

    def preview_refresh(
        self,
        *,
        parallel: int | None = None,
        on_output: OnOutput | None = None,
        **options: object,
    ) -> PreviewResult:
        """Return what `refresh` would find, without changing the state."""
        operation = partial(operations.refresh, dry_run=True)
        outcome = self._run(operation, parallel, on_output, options)
        return PreviewResult(outcome.stdout, "", results.changes(outcome))

    def destroy(
        self,
        *,
        parallel: int | None = None,
        on_output: OnOutput | None = None,
        **options: object,
    ) -> DestroyResult:
        """Delete all resources in the stack."""
        started = datetime.now(timezone.utc)
        outcome = self._run(operations.destroy, parallel, on_output, options)
        summary = results.summary("destroy", outcome, started, self._version)
        return DestroyResult(outcome.stdout, "", summary)

    def preview_destroy(
        self,
        *,
        parallel: int | None = None,
        on_output: OnOutput | None = None,
        **options: object,
    ) -> PreviewResult:
        """Return what `destroy` would delete, without deleting it."""
        operation = partial(operations.destroy, dry_run=True)
        outcome = self._run(operation, parallel, on_output, options)
        return PreviewResult(outcome.stdout, "", results.changes(outcome))

    def outputs(self) -> OutputMap:
        """Return the outputs of the last `up`."""
        return results.outputs(self._resources, Options.root_of(self._space))

    def export_stack(self, *, show_secrets: bool = True) -> Deployment:
        """Return the state, in the form of `pulumi stack export`.

        Secrets are in it as plain text, as `pulumi.automation` has them too. Without
        `show_secrets` they are left out, and the state can't be imported again.
        """
        exported = export.exported(self._resources, show_secrets=show_secrets)
        return Deployment(version=export.DEPLOYMENT_VERSION, deployment=exported)

    def import_stack(self, state: Deployment) -> None:
        """Import a state that this class or `pulumi stack export --show-secrets` exported."""
        self._resources = export.imported(state.deployment or {})

    def _run(
        self,
        operation: Operation,
        parallel: int | None,
        on_output: OnOutput | None,
        options: dict[str, object],
    ) -> Outcome:
        expect_no_changes = options.pop("expect_no_changes", False)
        for name, value in options.items():
            if value and name not in _WITHOUT_EFFECT:
                raise Refused(f"the option `{name}` of an operation")
        if not self._running.acquire(blocking=False):
            raise results.command_error("", "the stack is currently locked by another operation")
        try:
            run = Options(
                space=self._space,
                work_dir=self._work_dir,
                env_vars=dict(self.env_vars),
                config={
                    key: Setting(value.value, value.secret) for key, value in self._config.items()
                },
                parallel=parallel or _PARALLEL_PER_CORE * (os.cpu_count() or 1),
                on_output=on_output,
            )
            outcome = operation(run, self._resources, self._save)
        finally:
            self._running.release()
        self._version += 1
        if outcome.failed:
            raise results.command_error(outcome.stdout)
        if expect_no_changes and set(outcome.counts) - {"same"}:
            text = "error: no changes were expected but changes were proposed"
            raise results.command_error(outcome.stdout, text)
        return outcome

    def _save(self, resources: list[ResourceState]) -> None:
        self._resources = resources

    def _full_key(self, key: str) -> str:
        return key if ":" in key else f"{self._space.project}:{key}"
