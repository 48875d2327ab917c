"""The operations: preview and up, refresh, destroy."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from pulumi_embedded.deletion import delete_unwanted
from pulumi_embedded.deployment import Deployment, Options
from pulumi_embedded.display import Display
from pulumi_embedded.program import ProgramRun
from pulumi_embedded.refresh import Refresh
from pulumi_embedded.registration import Registrations
from pulumi_embedded.services import Monitor, Services
from pulumi_embedded.state import ResourceState
from pulumi_embedded.steps import Steps
from pulumi_embedded.values import Properties

SaveState = Callable[[list[ResourceState]], None]

_DRAIN_SECONDS: Final = 60.0


@dataclass(frozen=True)
class Outcome:
    """Result of an operation."""

    counts: dict[str, int]
    stdout: str
    failed: bool


def update(
    options: Options,
    before: list[ResourceState],
    save: SaveState,
    *,
    dry_run: bool,
    refresh_first: bool = False,
) -> Outcome:
    """Run the program and apply it, or only count the steps (`dry_run`)."""
    title = "Previewing update" if dry_run else "Updating"
    deployment = _deployment(title, options, before, dry_run=dry_run)
    steps = Steps(deployment)
    registrations = Registrations(deployment, steps)
    monitor = Monitor(deployment, registrations)

    def snapshot() -> list[ResourceState]:
        registrations.finish(monitor.root_outputs)
        return deployment.snapshots.snapshot()

    with _operation(deployment, save, snapshot, monitor):
        if refresh_first:
            _refresh_first(deployment)
        if not deployment.failed:
            with ProgramRun(deployment, monitor) as run:
                if run.wait_until_registered():
                    delete_unwanted(
                        deployment,
                        steps,
                        wanted=registrations.wanted,
                        deleted=registrations.deleted_before_replace,
                    )
    return _outcome(deployment, monitor.root_outputs or {})


def destroy(
    options: Options, before: list[ResourceState], save: SaveState, *, dry_run: bool = False
) -> Outcome:
    """Delete all resources in the state."""
    title = "Previewing destroy" if dry_run else "Destroying"
    deployment = _deployment(title, options, before, dry_run=dry_run)
    with _operation(deployment, save, deployment.snapshots.snapshot):
        delete_unwanted(deployment, Steps(deployment))
    return _outcome(deployment)


def refresh(
    options: Options, before: list[ResourceState], save: SaveState, *, dry_run: bool = False
) -> Outcome:
    """Read all resources and save in the state what was found."""
    title = "Previewing refresh" if dry_run else "Refreshing"
    deployment = _deployment(title, options, before, dry_run=dry_run)
    reads = Refresh(deployment)
    with _operation(deployment, save, reads.snapshot):
        reads.run()
    return _outcome(deployment)


def _refresh_first(deployment: Deployment) -> None:
    reads = Refresh(deployment)
    reads.run()
    deployment.snapshots.rebase(reads.snapshot())
    deployment.counts.clear()


def _deployment(
    title: str, options: Options, before: list[ResourceState], *, dry_run: bool
) -> Deployment:
    display = Display(
        f"{title} ({options.space.stack})",
        root=options.root,
        secrets=[item.value for item in options.config.values() if item.secret],
        on_output=options.on_output,
    )
    return Deployment(options, before, display, dry_run=dry_run)


@contextmanager
def _operation(
    deployment: Deployment,
    save: SaveState,
    snapshot: Callable[[], list[ResourceState]],
    monitor: Monitor | None = None,
) -> Iterator[None]:
    """Serve while the body runs, then save the state. It is saved after an exception too."""
    services = Services(deployment.display, monitor)
    deployment.engine_address = services.address
    timer = threading.Timer(deployment.options.timeout_seconds, deployment.time_out)
    timer.daemon = True
    timer.start()
    try:
        yield
    except BaseException:
        # Such as Ctrl-C: what runs now is still waited for, and should end soon.
        deployment.provider_resources.cancel()
        raise
    finally:
        timer.cancel()
        deployment.cancel()
        try:
            deployment.drain(_DRAIN_SECONDS)
        finally:
            deployment.close()
            services.end()
            if not deployment.dry_run:
                save(snapshot())


def _outcome(deployment: Deployment, outputs: Properties | None = None) -> Outcome:
    if deployment.step_failed:
        deployment.display.error("preview failed" if deployment.dry_run else "update failed")
    counts = dict(deployment.counts)
    stdout = deployment.display.finish(outputs or {}, counts, preview=deployment.dry_run)
    return Outcome(counts, stdout, deployment.failed)
