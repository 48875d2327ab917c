"""Checks the inputs of the program, and compares resources with them."""

from __future__ import annotations

from pulumi_embedded import diffs, urns
from pulumi_embedded.deployment import Deployment
from pulumi_embedded.desired import DesiredResource
from pulumi_embedded.diffs import Diff, ProviderDiff
from pulumi_embedded.display import check_failure
from pulumi_embedded.errors import Cancelled
from pulumi_embedded.packages import PACKAGE
from pulumi_embedded.state import ResourceState
from pulumi_embedded.values import Properties


class Comparison:
    """Asks providers about the inputs of one resource."""

    def __init__(self, deployment: Deployment) -> None:
        self._deployment = deployment

    def checked(
        self, desired: DesiredResource, new: ResourceState, old: ResourceState | None
    ) -> Properties:
        """Return the checked inputs. If a check fails, report it and raise `Cancelled`."""
        olds = old.inputs if old is not None else {}
        news = desired.properties
        if old is not None:
            news = diffs.ignoring(news, olds, desired.ignore_changes)
        checked = self._deployment.call_provider(
            new.urn,
            lambda: self._deployment.provider(new).check(new.urn, olds, news),
            in_step=False,
        )
        for property_, reason in checked.failures:
            self._deployment.display.error(
                check_failure(desired.type, desired.name, news, property_, reason), new.urn
            )
        if checked.failures:
            self._deployment.failed = True
            self._deployment.cancel()
            raise Cancelled
        return checked.inputs

    def diff(self, desired: DesiredResource, old: ResourceState, new: ResourceState) -> Diff:
        """Return what differs between a resource and its new inputs."""
        if desired.custom and self._provider_changed(old, new):
            return Diff(changes=True, replaces=("provider",))
        if desired.custom:
            answer = self._deployment.call_provider(
                new.urn,
                lambda: self._deployment.provider(new).diff(
                    new.urn,
                    old.id,
                    old_inputs=old.inputs,
                    old_outputs=old.outputs,
                    new_inputs=new.inputs,
                    ignore_changes=desired.ignore_changes,
                ),
                in_step=False,
            )
        else:
            inputs = diffs.ignoring(new.inputs, old.inputs, desired.ignore_changes)
            answer = ProviderDiff(changes=old.inputs != inputs)
        return diffs.complete(
            answer,
            old_inputs=old.inputs,
            new_inputs=new.inputs,
            ignore_changes=desired.ignore_changes,
            replace_on_changes=desired.replace_on_changes,
        )

    def _provider_changed(self, old: ResourceState, new: ResourceState) -> bool:
        if new.provider == old.provider or urns.provider_package(new.provider) in ("", PACKAGE):
            return False
        resources = self._deployment.provider_resources
        return self._deployment.call_provider(
            new.urn, lambda: resources.changed(old, new), in_step=False
        )
