"""Base class of all dynamic providers. It passes every call on to the adapter."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from pulumi.dynamic import ConfigureRequest, ResourceProvider

from parallel_provider.isolation import import_own_modules


def _passed_on(method: str) -> Callable[..., Any]:
    """Return a method that calls the adapter's method of this name."""

    def call(provider: Provider, *arguments: Any) -> Any:  # noqa: ANN401 - the SDK's types
        from parallel_provider.dynamic._adapter import adapter_of  # noqa: PLC0415 - heavy

        return getattr(adapter_of(provider.kind), method)(*arguments)

    return call


class Provider(ResourceProvider):
    """A provider without attributes. The SDK calls it from several threads."""

    serialize_as_secret_always = False
    kind: ClassVar[str]

    def configure(self, req: ConfigureRequest) -> None:
        """Make this process's run from the stack's configuration."""
        import_own_modules()
        from parallel_provider.dynamic import _process  # noqa: PLC0415 - heavy

        _process.configure(req.config.get)

    check = _passed_on("check")
    diff = _passed_on("diff")
    create = _passed_on("create")
    read = _passed_on("read")
    update = _passed_on("update")
    delete = _passed_on("delete")
