"""(c) Apps of a simple provider, written in an afternoon from Pulumi's page on dynamic providers.

It opens a connection for each request, is pickled with its settings, and lists all apps for each
read.
"""

import os
from typing import Any

import httpx
from pulumi.dynamic import CreateResult, DiffResult, ReadResult, Resource, ResourceProvider


class AppProvider(ResourceProvider):
    """Creates, reads and deletes apps."""

    def __init__(self, url: str, token: str) -> None:
        super().__init__()
        self.url = f"{url}/service/v1/apps"
        self.headers = {"Authorization": f"Bearer {token}"}

    def diff(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> DiffResult:
        changed = _olds["app_name"] != _news["app_name"]
        return DiffResult(changes=changed, replaces=["app_name"] if changed else [])

    def create(self, props: dict[str, Any]) -> CreateResult:
        body = {"app_name": props["app_name"]}
        answer = httpx.post(self.url, json=body, headers=self.headers).raise_for_status()
        return CreateResult(answer.json()["app_id"], {**body, **answer.json()})

    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        answer = httpx.get(self.url, headers=self.headers).raise_for_status()
        for app in answer.json()["apps"]:
            if app["app_id"] == id_:
                return ReadResult(id_, app)
        return ReadResult("", {})

    def delete(self, _id: str, _props: dict[str, Any]) -> None:
        httpx.delete(f"{self.url}/{_id}", headers=self.headers).raise_for_status()


class App(Resource):
    """An app."""

    def __init__(self, provider: AppProvider, name: str) -> None:
        super().__init__(provider, name, {"app_name": name, "app_id": None})


provider = AppProvider(os.environ["PARALLEL_SERVICE_API_URL"], os.environ["PARALLEL_ACCESS_TOKEN"])
for number in range(int(os.environ["BENCHMARK_RESOURCES"])):
    App(provider, f"app-{number}")
