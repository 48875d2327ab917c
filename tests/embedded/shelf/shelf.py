"""The resource, the function and the provider of the package `shelf`. Programs import it."""

from __future__ import annotations

from typing import Any

import pulumi
import pulumi.runtime


class Thing(pulumi.CustomResource):
    """A thing on the shelf."""

    value: pulumi.Output[Any]
    zone: pulumi.Output[str]
    color: pulumi.Output[str]
    serial: pulumi.Output[int]
    password: pulumi.Output[str]

    def __init__(
        self,
        name: str,
        value: Any = None,  # noqa: ANN401 - JSON
        zone: Any = None,  # noqa: ANN401 - an input
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        props = {"value": value, "zone": zone, "color": None, "serial": None, "password": None}
        super().__init__("shelf:index:Thing", name, props, opts)


class Provider(pulumi.ProviderResource):
    """A provider with a configuration of its own."""

    def __init__(
        self,
        name: str,
        color: Any = None,  # noqa: ANN401 - an input
        region: Any = None,  # noqa: ANN401 - an input
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("shelf", name, {"color": color, "region": region}, opts)


def count(opts: pulumi.InvokeOptions | None = None, **arguments: Any) -> Any:  # noqa: ANN401
    """Return the number of things, and the provider's color."""
    return pulumi.runtime.invoke("shelf:index:count", arguments, opts).value
