"""What a program pays for: importing the resources loads nothing that only the provider needs."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

LOADED_WHEN_NEEDED = {"httpx", "tenacity", "filelock", "pydantic", "rich"}


def modules_after(statement: str) -> set[str]:
    """Return the modules that an interpreter of its own has after a statement."""
    program = f"{statement}\nimport json, sys\nprint(json.dumps(sorted(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
    )
    names: list[str] = json.loads(done.stdout)
    return set(names)


def top_level_after(statement: str) -> set[str]:
    """Return the packages that an interpreter of its own has after a statement."""
    return {name.partition(".")[0] for name in modules_after(statement)}


@pytest.mark.parametrize(
    "statement",
    [
        "import parallel_provider.resources",
        "from parallel_provider import App, ApiKey, RotatingApiKey, BalanceTopUp, get_balance",
    ],
)
def test_program_imports_no_client(statement: str) -> None:
    """Every run of every program would wait for them."""
    assert not top_level_after(statement) & {*LOADED_WHEN_NEEDED, "click"}


def test_provider_process_loads_what_the_run_needs() -> None:
    """A preview with a given token loads neither the HTTP client nor other kinds of sign-in."""
    modules = modules_after(
        "from parallel_provider.dynamic import AppProvider, _adapter\n"
        "_adapter.configure({'parallel:accessToken': 'a.b.c'}.get)\n"
        "AppProvider().check({}, {'app_name': 'a'})"
    )
    assert not {name.partition(".")[0] for name in modules} & (LOADED_WHEN_NEEDED - {"pydantic"})
    assert "parallel_provider.lifecycle.app" in modules
    assert not modules & {
        "parallel_provider.credentials.sign_in_file",
        "parallel_provider.lifecycle.keys",
    }


def test_plugin_loads_no_sdk_for_programs() -> None:
    """It needs the protocol's messages only; all of `import pulumi` takes longer than its start."""
    modules = top_level_after("import parallel_provider.plugin.__main__")
    assert "pydantic" in modules
    assert not modules & (LOADED_WHEN_NEEDED - {"pydantic"} | {"pulumi"})
