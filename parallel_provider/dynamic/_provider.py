"""Base class of all dynamic providers. It passes every call on to the adapter."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from pulumi.dynamic import (
    CheckResult,
    ConfigureRequest,
    CreateResult,
    DiffResult,
    ReadResult,
    ResourceProvider,
    UpdateResult,
)

from parallel_provider.isolation import import_own_modules

if TYPE_CHECKING:
    from parallel_provider.dynamic._adapter import Adapter


class Provider(ResourceProvider):
    """A provider without attributes. The SDK calls it from several threads."""

    serialize_as_secret_always = False
    kind: ClassVar[str]

    def configure(self, req: ConfigureRequest) -> None:
        """Make this process's run from the stack's configuration."""
        import_own_modules()
        from parallel_provider.dynamic import _process  # noqa: PLC0415 - heavy

        _process.configure(req.config.get)

    def check(self, _olds: dict[str, Any], news: dict[str, Any]) -> CheckResult:
        """Fill in defaults and report every problem of the inputs."""
        return self._adapter().check(_olds, news)

    def diff(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> DiffResult:
        """Compare the outputs of the last run with checked inputs."""
        return self._adapter().diff(_olds, _news)

    def create(self, props: dict[str, Any]) -> CreateResult:
        """Create the resource."""
        return self._adapter().create(props)

    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        """Read the resource as it is now."""
        return self._adapter().read(id_, props)

    def update(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> UpdateResult:
        """Change the resource in place."""
        return self._adapter().update(_olds, _news)

    def delete(self, _id: str, _props: dict[str, Any]) -> None:
        """Delete the resource."""
        self._adapter().delete(_props)

    def _adapter(self) -> Adapter:
        from parallel_provider.dynamic._adapter import adapter_of  # noqa: PLC0415 - heavy

        return adapter_of(self.kind)
