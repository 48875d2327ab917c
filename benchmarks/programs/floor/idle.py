"""A dynamic resource that does nothing: what Pulumi itself costs."""

from __future__ import annotations

from typing import Any

import pulumi
from pulumi.dynamic import (
    CheckResult,
    CreateResult,
    DiffResult,
    ReadResult,
    Resource,
    ResourceProvider,
)


class IdleProvider(ResourceProvider):
    """Answers every call at once."""

    serialize_as_secret_always = False

    def check(self, _olds: dict[str, Any], news: dict[str, Any]) -> CheckResult:
        return CheckResult(news, [])

    def diff(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> DiffResult:
        return DiffResult(changes=_olds.get("app_name") != _news.get("app_name"))

    def create(self, props: dict[str, Any]) -> CreateResult:
        outputs = {"app_id": f"id-{props['app_name']}", "org_id": "org", "org_name": "Org"}
        return CreateResult(outputs["app_id"], {"app_name": props["app_name"], **outputs})

    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        return ReadResult(id_, props)


class Idle(Resource, module="benchmark", name="Idle"):
    """Has the inputs and outputs of an app."""

    def __init__(self, name: str, opts: pulumi.ResourceOptions | None = None) -> None:
        outputs = dict.fromkeys(("app_id", "org_id", "org_name"))
        super().__init__(IdleProvider(), name, {"app_name": name, **outputs}, opts)
