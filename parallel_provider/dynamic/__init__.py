"""The provider for the SDK's dynamic-provider protocol.

Only this layer knows `DiffResult`, the SDK's unknown values and the provider's process. The state
of every resource has its provider as a pickle, with the names of this module and of a class, such
as `AppProvider`. So none of these names may change: that would break users' stacks, and a test
checks it. The classes have no attributes, since these would be a part of the pickle.

Every program imports this module. So it imports what is large only when the provider's process
first uses it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from pulumi.dynamic import ConfigureRequest, ResourceProvider

from parallel_provider.isolation import import_own_modules
from parallel_provider.lifecycle import RESOURCES


def _passed_on(method: str) -> Callable[..., Any]:
    """Return a method that calls the adapter's method of this name."""

    def call(provider: Provider, *arguments: Any) -> Any:  # noqa: ANN401 - the SDK's types
        from parallel_provider.dynamic._adapter import adapter_of  # noqa: PLC0415 - heavy

        return getattr(adapter_of(provider.kind), method)(*arguments)

    return call


class Provider(ResourceProvider):
    """Base class of the providers. The SDK calls them from several threads."""

    serialize_as_secret_always = False
    kind: ClassVar[str]

    def configure(self, req: ConfigureRequest) -> None:
        """Make this process's run from the stack's configuration."""
        import_own_modules()
        from parallel_provider.dynamic import _adapter  # noqa: PLC0415 - heavy

        _adapter.configure(req.config.get)

    check = _passed_on("check")
    diff = _passed_on("diff")
    create = _passed_on("create")
    read = _passed_on("read")
    update = _passed_on("update")
    delete = _passed_on("delete")


PROVIDERS: dict[str, type[Provider]] = {
    kind: type(f"{kind}Provider", (Provider,), {"__module__": __name__, "kind": kind})
    for kind in RESOURCES
}
"""The provider of each kind of resource. Each is a class of this module, too."""

globals().update({provider.__name__: provider for provider in PROVIDERS.values()})
