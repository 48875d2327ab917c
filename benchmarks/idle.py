"""A dynamic resource that does nothing: it shows the cost of Pulumi itself.

It has the same outputs as an app, with values of the same length, and it is installed beside the
program like any provider. The engine writes the whole state after each step, including the source
location of each resource. So longer values and paths alone take more time.
"""

import uuid
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
        organization = {"org_id": "org_0123456789abcdef", "org_name": "Example Organization"}
        app_id = str(uuid.uuid4())
        return CreateResult(
            app_id, {"app_id": app_id, "app_name": props["app_name"], **organization}
        )

    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        return ReadResult(id_, props)


class Idle(Resource, module="benchmark", name="Idle"):
    """Has the name and the outputs of an app."""

    app_id: pulumi.Output[str]
    app_name: pulumi.Output[str]
    org_id: pulumi.Output[str]
    org_name: pulumi.Output[str]

    def __init__(self, name: str, opts: pulumi.ResourceOptions | None = None) -> None:
        outputs = dict.fromkeys(("app_id", "org_id", "org_name"))
        super().__init__(IdleProvider(), name, {"app_name": name, **outputs}, opts)
