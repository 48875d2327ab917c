"""examples/quickstart: the claims of its README, and the project file at the root."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest
from pulumi.automation import LocalWorkspace, Stack

from parallel_provider.testing.emulator import Emulator
from tests.engines import Project, changes
from tests.real_pulumi import pulumi_environment
from tests.scenarios.story import apps_named, calls, live_keys, raw_keys, stored_text

ROOT = Path(__file__).parents[2]
QUICKSTART = ROOT / "examples" / "quickstart"


@pytest.fixture
def quickstart(project: Project, emulator: Emulator) -> Project:
    """Return the program, ready to run against the emulator."""
    project.copy(QUICKSTART)
    project.env.update(emulator.environment)
    return project


def test_quickstart_creates_once_and_keeps_its_secrets(
    quickstart: Project, emulator: Emulator
) -> None:
    """A second run changes nothing. Raw keys are encrypted. The state has no code."""
    emulator.set_org(credit_balance_cents=1_234)
    result = quickstart.up()
    assert changes(result) == {"create": 4}
    assert result.outputs["balance_cents"].value == 1_234
    assert {name for name, output in result.outputs.items() if output.secret} == {
        "ci_raw_api_key",
        "service_raw_api_key",
    }

    with calls(emulator) as asked:
        assert changes(quickstart.up()) == {"same": 4}
    assert asked == {"GET /service/v1/balance": 1}

    stored, keys = stored_text(quickstart), raw_keys(quickstart)
    assert len(keys) == 2
    assert not [key for key in keys if key in stored]
    providers = [r["inputs"]["__provider"] for r in quickstart.resources() if "inputs" in r]
    assert len(providers) == 3
    assert all(len(provider) < 100 for provider in providers)


def test_quickstart_is_changed_by_configuration(quickstart: Project, emulator: Emulator) -> None:
    """A new quarter gives a new key, a new name a new app with new keys. Destroy leaves nothing."""
    quickstart.up()
    quickstart.config("quarter", "2027Q1")
    assert changes(quickstart.up()) == {"replace": 1, "same": 3}
    quickstart.config("appName", "web-search")
    assert changes(quickstart.up()) == {"replace": 3, "same": 1}
    assert len(apps_named(emulator, "web-search")) == 1
    assert apps_named(emulator, "search") == []

    quickstart.destroy()
    assert apps_named(emulator, "web-search") == []
    assert live_keys(emulator) == []


@pytest.mark.skipif(
    shutil.which("pulumi") is None or sys.prefix == sys.base_prefix,
    reason="takes pulumi on PATH, and a virtual environment that .venv can stand for",
)
def test_pulumi_up_at_the_root_runs_the_quickstart(tmp_path: Path, emulator: Emulator) -> None:
    """Pulumi finds the program and the virtual environment through the project file at the root."""
    root = tmp_path / "checkout"
    program = root / "examples" / "quickstart"
    shutil.copytree(QUICKSTART, program)
    for name in ("Pulumi.yaml", "__main__.py"):
        shutil.copy(ROOT / name, root)
    (root / ".venv").symlink_to(sys.prefix)
    environment = {**emulator.environment, **pulumi_environment(tmp_path)}
    stack = Stack.create("dev", LocalWorkspace(work_dir=str(root), env_vars=environment))
    assert changes(stack.up()) == {"create": 4}
    assert changes(stack.destroy()) == {"delete": 4}
