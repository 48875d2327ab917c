"""Modules of the user's project that have the name of one that this package uses.

Pulumi's SDK itself can't run beside modules such as `random`, `json` or `uuid`, which it imports.
"""

from __future__ import annotations

import json
import shlex
import sys
import time
from pathlib import Path

import pytest

from parallel_provider.testing.emulator import Emulator
from tests.credentials.sign_ins import SignIn
from tests.engines import Project, changes

MODULES = [
    *("certifi", "decimal", "difflib", "filelock", "hmac", "httpcore", "httpx", "pydantic"),
    *("secrets", "tenacity"),
]
PROGRAM = """
import parallel_provider as parallel
import pulumi

app = parallel.App("search")
key = parallel.ApiKey("ci", app_id=app.app_id)
service = parallel.RotatingApiKey(
    "svc", app_id=app.app_id, rotate_after="30d", overlap="1d", triggers={"run": RUN}
)
parallel.BalanceTopUp("credit", amount_cents=2_000, triggers={"run": RUN})
pulumi.export("balance", parallel.get_balance_output().credit_balance_cents)
"""
OWN_PROVIDER = """
from pulumi.dynamic import CreateResult, Resource, ResourceProvider


class OwnProvider(ResourceProvider):
    def create(self, props):
        import secrets
        return CreateResult("own", {"word": secrets.WORD})


class Own(Resource):
    word: pulumi.Output[str]

    def __init__(self, name, opts=None):
        super().__init__(OwnProvider(), name, {"word": None}, opts)


import secrets
own = Own("own", pulumi.ResourceOptions(depends_on=[key]))
pulumi.export("words", [secrets.WORD, own.word])
"""


def write_modules(project: Project) -> None:
    """Put a module of each name beside the program; only `secrets` can be imported."""
    for name in MODULES:
        project.write("raise RuntimeError('a module of the project')\n", f"{name}.py")
    project.write("WORD = 'mine'\n", "secrets.py")


@pytest.fixture(autouse=True)
def forked() -> None:
    """Start new processes: forked ones have imported the real modules already."""


@pytest.fixture
def signed_in(project: Project, emulator: Emulator, tmp_path: Path) -> SignIn:
    """Let the project use a stored sign-in, whose access token has expired."""
    sign_in = SignIn(emulator, tmp_path / "auth.json")
    sign_in.sign_in()
    sign_in.expire()
    project.env["PARALLEL_ACCESS_TOKEN"] = ""
    project.env["PARALLEL_MAX_TOP_UP_CENTS"] = "2000"
    return sign_in


def test_modules_of_the_project_change_nothing(
    project: Project, signed_in: SignIn, emulator: Emulator
) -> None:
    """The sign-in is refreshed, the card charged once, the keys are made and rotated."""
    write_modules(project)
    before = signed_in.refreshes
    project.write(PROGRAM.replace("RUN", "1"))
    result = project.up()
    assert changes(result) == {"create": 5}
    assert result.outputs["balance"].value >= 0
    assert signed_in.refreshes == before + 1

    signed_in.expire()
    project.write(PROGRAM.replace("RUN", "2"))
    assert changes(project.up()) == {"same": 3, "update": 2}
    assert [charge["amount_cents"] for charge in emulator.state()["charges"]] == [2000, 2000]
    assert signed_in.tokens["access_token_expires_at"] > time.time()
    assert len([key for key in emulator.state()["keys"] if not key["revoked_at"]]) == 3


@pytest.mark.providers("dynamic")
def test_project_keeps_its_own_modules(project: Project, signed_in: SignIn) -> None:
    """A dynamic provider of the project, and its program, find the project's modules."""
    assert signed_in.tokens
    write_modules(project)
    project.write(PROGRAM.replace("RUN", "1") + OWN_PROVIDER)
    assert project.up().outputs["words"].value == ["mine", "mine"]


def test_refresh_token_of_a_pipeline_is_saved_all_the_same(
    project: Project, signed_in: SignIn, tmp_path: Path
) -> None:
    """The save command, a script of the project, gets the next refresh token."""
    write_modules(project)
    saved = tmp_path / "saved.txt"
    script = f"import json, sys; open({str(saved)!r}, 'a').write(sys.stdin.read() + '\\n')"
    project.write(script, "tools/save.py")
    first = signed_in.tokens["refresh_token"]
    project.env["PARALLEL_AUTH_FILE"] = str(tmp_path / "pipeline" / "auth.json")
    project.env["PARALLEL_REFRESH_TOKEN"] = first
    project.env["PARALLEL_CLIENT_ID"] = signed_in.document["client_id"]
    project.env["PARALLEL_REFRESH_TOKEN_SAVE_COMMAND"] = shlex.join(
        [sys.executable, "tools/save.py"]
    )
    project.write(PROGRAM.replace("RUN", "1"))
    assert changes(project.up()) == {"create": 5}
    [file] = (tmp_path / "pipeline").glob("parallel-pipeline-*.json")
    [org] = json.loads(file.read_text())["orgs"].values()
    tokens = saved.read_text().split()
    assert tokens[0] == first
    assert tokens[-1] == org["control_api"]["refresh_token"]
    signed_in.secrets.update(tokens)
    for said in project.said:
        signed_in.assert_no_secret_in(said)
