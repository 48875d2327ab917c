"""What a program pays for: importing the resources loads nothing that only the provider needs."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest


def modules_after(statement: str) -> set[str]:
    """Return the top-level modules that an interpreter of its own has after a statement."""
    program = f"{statement}\nimport json, sys\nprint(json.dumps(sorted(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
    )
    names: list[str] = json.loads(done.stdout)
    return {name.partition(".")[0] for name in names}


@pytest.mark.parametrize(
    "statement",
    [
        "import parallel_provider.resources",
        "from parallel_provider import App, ApiKey, RotatingApiKey, BalanceTopUp, get_balance",
    ],
)
def test_program_imports_no_client(statement: str) -> None:
    """Every run of every program would wait for them."""
    assert not modules_after(statement) & {"httpx", "msgspec", "tenacity", "filelock", "click"}


def test_package_alone_imports_no_pulumi() -> None:
    """The command line starts without it."""
    assert not modules_after("import parallel_provider") & {"pulumi", "grpc", "httpx", "msgspec"}
