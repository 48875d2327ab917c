"""A dynamic resource that does nothing: what Pulumi itself costs.

It has the outputs of an app, as typed and as long, and is installed beside the program as any
provider is: the engine writes the whole state after each step, with the place in the code that each
resource comes from, so that longer values and paths alone take longer.
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
