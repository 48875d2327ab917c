"""`EmbeddedStack`: the methods of `pulumi.automation.Stack`, with an engine in this process."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping
from datetime import datetime, timezone
from functools import partial
from pathlib import Path
from typing import Any, Final, NoReturn

from pulumi.automation import (
    ConfigMap,
    ConfigValue,
    Deployment,
    DestroyResult,
    OutputMap,
    PreviewResult,
    RefreshResult,
    Stack,
    UpdateSummary,
    UpResult,
)

from pulumi_embedded import export, operations, results
from pulumi_embedded.deployment import Options, Setting
from pulumi_embedded.errors import Refused
from pulumi_embedded.operations import Outcome, SaveState
from pulumi_embedded.plugin_commands import Plugin, plugin_commands
from pulumi_embedded.project_files import ConfigurationError, ProjectFiles, full_key
from pulumi_embedded.stack_references import output_values
from pulumi_embedded.state import ResourceState
from pulumi_embedded.urns import Namespace

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
    added to the environment of program and providers. An operation that takes longer than
    `timeout_seconds` is ended, and fails. `plugins` has the native plugins of the packages that the
    program uses: for each package an executable, the folder that it is in, or a command.

    `Pulumi.yaml` in `work_dir` is read: the project's name (if `project_name` is empty), `main`,
    and the configuration that it declares. Values in `Pulumi.STACK.yaml` are read too, except
    encrypted ones: set them with `set_config`. `stack_references` has the outputs of other stacks,
    by the names in the program: JSON-like values, or those of another stack's `outputs()`.

        stack = EmbeddedStack("test", "path/to/program", project_name="shop")
        stack.set_config("region", ConfigValue("eu"))
        assert stack.up().outputs["url"].value
    """

    def __init__(
        self,
        stack_name: str,
        work_dir: str | os.PathLike[str],
        *,
        project_name: str = "",
        env_vars: Mapping[str, str] | None = None,
        timeout_seconds: float = 600,
        plugins: Mapping[str, Plugin] | None = None,
        stack_references: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> None:
        self.name = stack_name
        self.env_vars = {} if env_vars is None else env_vars
        self._folder = Path(work_dir).resolve()
        name = project_name or ProjectFiles.read(self._folder).name or "project"
        self._space = Namespace(stack_name, name)
        self.stack_references = stack_references or {}
        self._timeout_seconds = timeout_seconds
        self._plugins = plugin_commands(plugins or {})
        self._config: dict[str, ConfigValue | None] = {}  # None: removed
        self._resources: list[ResourceState] = []
        self._secrets_providers: dict[str, object] | None = None
        self._history: list[UpdateSummary] = []
        self._running = threading.Lock()

    def __getattr__(self, name: str) -> Callable[..., NoReturn]:
        """Refuse the other methods of `pulumi.automation.Stack` by name."""
        if name.startswith("_") or not hasattr(Stack, name):
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

        def refuse(*_arguments: object, **_options: object) -> NoReturn:
            raise Refused(f"the method `{name}` of a stack")

        return refuse

    def set_config(self, key: str, value: ConfigValue, *, path: bool = False) -> None:
        """Set one configuration value. A key without a namespace belongs to the project."""
        if path:
            raise Refused("the option `path` of configuration methods")
        self._config[full_key(key, self._space.project)] = value

    def set_all_config(self, config: ConfigMap, *, path: bool = False) -> None:
        """Set several configuration values."""
        for key, value in config.items():
            self.set_config(key, value, path=path)

    def get_config(self, key: str, *, path: bool = False) -> ConfigValue:
        """Return one configuration value."""
        if path:
            raise Refused("the option `path` of configuration methods")
        return self.get_all_config()[full_key(key, self._space.project)]

    def get_all_config(self) -> ConfigMap:
        """Return all configuration values, by their full keys."""
        files = ProjectFiles.read(self._folder)
        return files.config(self.name, self._space.project, self._config)

    def remove_config(self, key: str, *, path: bool = False) -> None:
        """Remove one configuration value."""
        self.remove_all_config([key], path=path)

    def remove_all_config(self, keys: list[str], *, path: bool = False) -> None:
        """Remove several configuration values."""
        if path:
            raise Refused("the option `path` of configuration methods")
        for key in keys:
            self._config[full_key(key, self._space.project)] = None

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
        summary = self._summary("update", outcome, started)
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
        summary = self._summary("refresh", outcome, started)
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
        summary = self._summary("destroy", outcome, started)
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

    def history(self, page_size: int | None = None, page: int | None = None) -> list[UpdateSummary]:
        """Return the summaries of the operations that succeeded, the latest first."""
        latest = self._history[::-1]
        start = (page_size or 0) * ((page or 1) - 1)
        return latest[start : start + page_size] if page_size else latest

    def info(self) -> UpdateSummary | None:
        """Return the summary of the latest operation that succeeded."""
        return self._history[-1] if self._history else None

    def export_stack(self, *, show_secrets: bool = True) -> Deployment:
        """Return the state, in the form of `pulumi stack export`.

        Secrets are in it as plain text, as `pulumi.automation` has them too. Without
        `show_secrets` they are left out, and the state can't be imported again. To import the
        state into Pulumi itself, set `PULUMI_CONFIG_PASSPHRASE` to an empty text.
        """
        exported = export.exported(
            self._resources,
            show_secrets=show_secrets,
            secrets_providers=self._secrets_providers,
        )
        return Deployment(version=export.DEPLOYMENT_VERSION, deployment=exported)

    def import_stack(self, state: Deployment) -> None:
        """Import a state that this class or `pulumi stack export --show-secrets` exported."""
        deployment = state.deployment or {}
        self._resources = export.imported(deployment)
        self._secrets_providers = deployment.get("secrets_providers")

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
            program = ProjectFiles.read(self._folder).program
            run = Options(
                space=self._space,
                root_directory=str(self._folder),
                program=str(program),
                work_dir=str(program if program.is_dir() else program.parent),
                env_vars=dict(self.env_vars),
                config={
                    key: Setting(value.value, value.secret)
                    for key, value in self._checked_config().items()
                },
                timeout_seconds=self._timeout_seconds,
                stack_references=output_values(self.stack_references),
                parallel=parallel or _PARALLEL_PER_CORE * (os.cpu_count() or 1),
                on_output=on_output,
                plugins=self._plugins,
            )
            outcome = operation(run, self._resources, self._save)
        finally:
            self._running.release()
        if outcome.failed:
            raise results.command_error(outcome.stdout)
        if expect_no_changes and set(outcome.counts) - {"same"}:
            text = "error: no changes were expected but changes were proposed"
            raise results.command_error(outcome.stdout, text)
        return outcome

    def _save(self, resources: list[ResourceState]) -> None:
        self._resources = resources

    def _summary(self, kind: str, outcome: Outcome, started: datetime) -> UpdateSummary:
        summary = results.summary(kind, outcome, started, len(self._history) + 1)
        self._history.append(summary)
        return summary

    def _checked_config(self) -> ConfigMap:
        try:
            return self.get_all_config()
        except ConfigurationError as error:
            raise results.command_error("", f"error: {error}") from None
