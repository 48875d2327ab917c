"""Imports into a YAML program, on the real engine."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from parallel_provider.testing.emulator import Emulator
from tests.engines import changes
from tests.plugin.calls import Plugin, urn
from tests.plugin.yaml_project import RealProject, needs_yaml
from tests.scenarios.story import live_keys

pytestmark = needs_yaml

NAMES = ("search", "ci", "svc")


@pytest.fixture
def made_by_hand(plugin: Plugin) -> dict[str, tuple[str, str]]:
    """Return the import id of an app and of two of its keys, with their raw keys."""
    app_id, _ = plugin.create(urn("App", "search"), {"appName": "search"})
    found = {"search": (app_id, "")}
    for name in ("ci", "svc"):
        inputs = {"appId": app_id, "apiKeyName": name}
        key_id, outputs = plugin.create(urn("ApiKey", name), inputs)
        found[name] = (f"{app_id}/{key_id}/{name}", outputs["rawApiKey"])
    return found


def raw_keys(made_by_hand: dict[str, tuple[str, str]]) -> str:
    """Return the value of the variable for both keys."""
    return json.dumps(
        {made_by_hand[name][0].split("/")[1]: made_by_hand[name][1] for name in ("ci", "svc")}
    )


def writes(emulator: Emulator) -> int:
    """Return the number of requests that may have changed something."""
    requests = emulator.state()["requests"]
    return sum(count for route, count in requests.items() if not route.startswith("GET"))


def test_printed_code_is_the_program(
    tmp_path: Path, emulator: Emulator, made_by_hand: dict[str, tuple[str, str]]
) -> None:
    """With it, the next preview and the next up change nothing; raw keys are encrypted."""
    project = RealProject(tmp_path, emulator, PARALLEL_IMPORT_RAW_API_KEY=raw_keys(made_by_hand))
    project.write_yaml("")
    before = writes(emulator)
    kinds = dict(zip(NAMES, ("App", "ApiKey", "RotatingApiKey"), strict=True))

    result = project.stack.import_resources(
        resources=[
            {"type": f"parallel:index:{kinds[name]}", "name": name, "id": made_by_hand[name][0]}
            for name in NAMES
        ],
        protect=False,
    )
    project.write_yaml(
        result.generated_code
        + "outputs:\n  ci: ${ci.rawApiKey}\n  svc: ${svc.rawApiKey}\n  n: ${svc.generation}\n"
    )

    assert set(changes(project.stack.preview())) <= {"same"} | {"create"}
    up = project.stack.up()
    assert (up.outputs["ci"].value, up.outputs["ci"].secret) == (made_by_hand["ci"][1], True)
    assert up.outputs["svc"].value == made_by_hand["svc"][1]
    assert set(changes(project.stack.preview())) == {"same"}
    assert emulator.leaks_in(project.stored_state() + result.stdout + result.generated_code) == []
    assert writes(emulator) == before
    assert set(changes(project.stack.refresh())) == {"same"}
    project.stack.destroy()
    assert live_keys(emulator) == []


def test_import_option_after_an_import_imports_nothing_anew(
    tmp_path: Path, emulator: Emulator, made_by_hand: dict[str, tuple[str, str]]
) -> None:
    """The id in the state is the text of the import. A new import would revoke what is in use."""
    project = RealProject(tmp_path, emulator, PARALLEL_IMPORT_RAW_API_KEY=raw_keys(made_by_hand))
    app_id, (key, raw) = made_by_hand["search"][0], made_by_hand["ci"]
    project.write_yaml("")
    project.stack.import_resources(
        resources=[{"type": "parallel:index:ApiKey", "name": "ci", "id": key}], protect=False
    )
    before = writes(emulator)

    project.write_yaml(f"""
        resources:
          ci:
            type: parallel:ApiKey
            properties: {{appId: {app_id}}}
            options: {{import: "{key}"}}
        outputs:
          ci: ${{ci.rawApiKey}}
        """)
    up = project.stack.up()

    assert "import" not in changes(up)
    assert up.outputs["ci"].value == raw
    assert writes(emulator) == before
    assert len(live_keys(emulator)) == 2
