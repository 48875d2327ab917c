"""A stack of the dynamic provider is taken over by the native plugin, on the real engine."""

from __future__ import annotations

from pathlib import Path

import pytest

from parallel_provider.testing.emulator import Emulator
from tests.engines import changes
from tests.plugin.yaml_project import RealProject, needs_yaml

pytestmark = needs_yaml

DYNAMIC = """
import pulumi
import parallel_provider as parallel

app = parallel.App("app")
key = parallel.ApiKey("key", app_id=app.app_id, triggers={"a": [1, None]})
svc = parallel.RotatingApiKey("svc", app_id=app.app_id, rotate_after="30d", overlap="1d")
credit = parallel.BalanceTopUp("credit", amount_cents=1000, triggers={triggers})
pulumi.export("key", key.raw_api_key)
pulumi.export("svc", svc.raw_api_key)
""".replace("{triggers}", "1")
NATIVE = """
resources:
  app:
    type: parallel:App
  key:
    type: parallel:ApiKey
    properties: {appId: "${app.appId}", triggers: {a: [1, null]}}
  svc:
    type: parallel:RotatingApiKey
    properties: {appId: "${app.appId}", rotateAfter: 30d, overlap: 1d}
  credit:
    type: parallel:BalanceTopUp
    properties: {amountCents: 1000, triggers: TRIGGERS}
outputs:
  key: ${key.rawApiKey}
  svc: ${svc.rawApiKey}
"""


def test_stack_of_the_dynamic_provider_needs_updates_only(
    tmp_path: Path, emulator: Emulator
) -> None:
    """No request, no replacement and no charge; a later charge counts on from the earlier ones."""
    project = RealProject(tmp_path, emulator, PARALLEL_MAX_TOP_UP_CENTS="2000")
    project.write_python(DYNAMIC)
    dynamic = project.stack.up()
    before = emulator.state()["requests"]

    project.write_yaml(NATIVE.replace("TRIGGERS", "1"))
    assert changes(project.stack.preview()) == {"same": 1, "update": 4}
    native = project.stack.up()

    assert changes(native) == {"same": 1, "update": 4}
    assert emulator.state()["requests"] == before
    for name in ("key", "svc"):
        assert native.outputs[name].value == dynamic.outputs[name].value
        assert native.outputs[name].secret
    assert emulator.leaks_in(project.stored_state()) == []
    assert set(changes(project.stack.up())) == {"same"}

    project.write_yaml(NATIVE.replace("TRIGGERS", "2"))
    assert changes(project.stack.up())["update"] == 1
    charges = emulator.state()["charges"]
    assert len({charge["idempotency_key"] for charge in charges}) == len(charges) == 2


HALF = """
import pulumi
import parallel_provider as parallel
import parallel_native as native

app = native.App("app")
key = parallel.ApiKey("key", app_id=app.app_id, triggers={"a": [1, None]})
svc = parallel.RotatingApiKey("svc", app_id=app.app_id, rotate_after="30d", overlap="1d")
credit = parallel.BalanceTopUp(
    "credit", amount_cents=1000, when_below_cents=500, monthly_limit_cents=5000
)
pulumi.export("svc", svc.raw_api_key)
"""
WITH_THRESHOLD = ", whenBelowCents: 500, monthlyLimitCents: 5000"


@pytest.mark.timeout(500)
def test_stack_moves_by_halves_and_back_by_an_export(tmp_path: Path, emulator: Emulator) -> None:
    """A program can use both providers. No key is replaced, and only the balance is asked for."""
    emulator.set_org(credit_balance_cents=5_000)
    project = RealProject(tmp_path, emulator, PARALLEL_MAX_TOP_UP_CENTS="2000")
    dynamic = HALF.replace("native.App", "parallel.App")
    project.write_python(dynamic)
    first = project.stack.up()
    exported = project.stack.export_stack()
    before = changing_requests(emulator)

    project.write_python(HALF)
    assert changes(project.stack.up()) == {"same": 4, "update": 1}
    project.write_yaml(NATIVE.replace(", triggers: TRIGGERS", WITH_THRESHOLD))
    native = project.stack.up()
    assert changes(native) == {"same": 2, "update": 3}
    assert native.outputs["svc"].value == first.outputs["svc"].value

    project.write_python(dynamic)
    project.stack.import_stack(exported)
    assert set(changes(project.stack.up())) == {"same"}
    assert changing_requests(emulator) == before
    assert changes(project.stack.destroy()) == {"delete": 5}


def changing_requests(emulator: Emulator) -> dict[str, int]:
    """Return how often the emulator got each request, without those for the balance."""
    requests: dict[str, int] = emulator.state()["requests"]
    return {route: n for route, n in requests.items() if route != "GET /service/v1/balance"}
