"""One harness for lifecycle scenarios on two engines.

A scenario asks for the `project` fixture, and so runs twice: on `EmbeddedStack`, always, and on the
real engine where `pulumi` is on PATH (elsewhere that half is skipped, and says why).

    def test_up_creates(project: Project) -> None:
        project.write("import pulumi; pulumi.export('answer', 42)")
        result = project.up()
        assert result.outputs["answer"].value == 42
        assert changes(result) == {"create": 1}

- `project.write(source, "lib.py")` writes a file of the program, `__main__.py` where none is named.
  Write again between two runs to change the program. `project.copy(folder)` brings a whole folder.
- `project.env` is passed to the program and the providers; change it between runs as you like.
- `project.config("key", "value", secret=True)` sets stack configuration.
- `project.up()`, `.preview()`, `.refresh()`, `.destroy()` take what the stack's methods take, and
  `project.stack` is that stack (`pulumi.automation`'s, or the embedded one) for all else it can do.
- `project.fails("up")` runs what must fail, and gives back the text a user would see.
- `project.resources()` gives the state, one dict a resource, as `pulumi stack export` has it with
  `--show-secrets`; `is_secret(value)` and `plain(value)` tell about its inputs and outputs.
- `project.take_over(state)` begins from a state that was exported earlier, by either engine.
- `project.said` is all that its runs have printed so far.
- `changes(result)` is what a run did, or a preview would do, as plain `{"create": 2, "same": 1}`.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any, Literal

import pytest
from pulumi.automation import (
    ConfigValue,
    Deployment,
    DestroyResult,
    PreviewResult,
    RefreshResult,
    Stack,
    UpResult,
)
from pulumi.automation.errors import CommandError

from parallel_provider.testing import EmbeddedStack, local_stack

Engine = Literal["embedded", "pulumi"]
Result = UpResult | PreviewResult | RefreshResult | DestroyResult

PROJECT_NAME = "scenario"
STACK_NAME = "test"

# What marks a special value in a state, and what says that it is a secret.
_SIGNATURE = "4dabf18193072939515e22adb298388d"
_SECRET = "1b47061264138c4ac30d75fd1eb44270"


class Project:
    """A Pulumi program in a folder of its own, and its stack on one of the two engines."""

    def __init__(self, folder: Path, engine: Engine) -> None:
        self.folder = folder
        self.engine: Engine = engine
        self.env: dict[str, str] = {}
        self.said: list[str] = []
        self._stack: Stack | EmbeddedStack | None = None

    @property
    def stack(self) -> Any:  # noqa: ANN401 - the two kinds share a surface, not a type
        """The stack itself, made when first asked for."""
        if self._stack is None:
            self._stack = _open_stack(self.engine, self.folder, self.env)
        return self._stack

    def write(self, source: str, file: str = "__main__.py") -> None:
        """Write one file of the program."""
        path = self.folder / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source)

    def copy(self, folder: Path) -> None:
        """Bring in a program that lies in a folder, its own `Pulumi.yaml` aside."""
        ignored = shutil.ignore_patterns("Pulumi*.yaml", "__pycache__", ".venv")
        shutil.copytree(folder, self.folder, dirs_exist_ok=True, ignore=ignored)

    def config(self, key: str, value: str, *, secret: bool = False) -> None:
        """Set one value of the stack's configuration."""
        self.stack.set_config(key, ConfigValue(value=value, secret=secret))

    def preview(self, **options: object) -> PreviewResult:
        """Say what `up` would do."""
        result: PreviewResult = self.stack.preview(**options)
        self.said += [result.stdout, result.stderr]
        return result

    def up(self, **options: object) -> UpResult:
        """Run the program and make it so."""
        result: UpResult = self.stack.up(**options)
        self.said += [result.stdout, result.stderr]
        return result

    def refresh(self, **options: object) -> RefreshResult:
        """Take into the state what has become of the resources."""
        result: RefreshResult = self.stack.refresh(**options)
        self.said += [result.stdout, result.stderr]
        return result

    def destroy(self, **options: object) -> DestroyResult:
        """Delete everything in the stack."""
        result: DestroyResult = self.stack.destroy(**options)
        self.said += [result.stdout, result.stderr]
        return result

    def fails(self, operation: str, **options: object) -> str:
        """Run an operation that has to fail, and return what its user reads."""
        with pytest.raises(CommandError) as failure:
            getattr(self.stack, operation)(**options)
        self.said.append(str(failure.value))
        return str(failure.value)

    def take_over(self, state: dict[str, Any]) -> None:
        """Import a state that either engine exported, with its secrets shown."""
        state = dict(state)
        if self.engine == "pulumi":
            # Secrets shown are encrypted again on import: with the key of this stack.
            own = self.stack.export_stack().deployment or {}
            state["secrets_providers"] = own["secrets_providers"]
        self.stack.import_stack(Deployment(version=3, deployment=state))

    def resources(self) -> list[dict[str, Any]]:
        """Return the resources in the state, in its order, secrets in their envelopes."""
        deployment = self.stack.export_stack().deployment or {}
        resources: list[dict[str, Any]] = deployment.get("resources") or []
        return resources

    def resource(self, name: str) -> dict[str, Any]:
        """Return the one resource in the state with this name."""
        found = [r for r in self.resources() if r["urn"].endswith(f"::{name}")]
        assert len(found) == 1, [r["urn"] for r in self.resources()]
        return found[0]


def changes(result: Result) -> dict[str, int]:
    """Return the number of resources for each kind of step."""
    if isinstance(result, PreviewResult):
        counts = result.change_summary
    else:
        counts = result.summary.resource_changes or {}
    return {getattr(op, "value", op): count for op, count in counts.items() if count}


def is_secret(value: object) -> bool:
    """Say whether a value in the state is a secret."""
    return isinstance(value, dict) and value.get(_SIGNATURE) == _SECRET


def plain(value: Any) -> Any:  # noqa: ANN401 - JSON
    """Return a value of the state without the envelope of a secret."""
    return json.loads(value["plaintext"]) if is_secret(value) else value


def _open_stack(engine: Engine, folder: Path, env: dict[str, str]) -> Stack | EmbeddedStack:
    if engine == "embedded":
        return EmbeddedStack(STACK_NAME, folder, project_name=PROJECT_NAME, env_vars=env)
    return local_stack(
        STACK_NAME, folder, project_name=PROJECT_NAME, private_dir=folder.parent, env_vars=env
    )


@pytest.fixture(
    params=[
        "embedded",
        pytest.param(
            "pulumi",
            marks=pytest.mark.skipif(
                shutil.which("pulumi") is None,
                reason="pulumi is not on PATH, so these scenarios ran on the embedded stack alone",
            ),
        ),
    ]
)
def engine(request: pytest.FixtureRequest) -> Engine:
    """Which engine a scenario runs on."""
    chosen: Engine = request.param
    return chosen


@pytest.fixture
def project(tmp_path: Path, engine: Engine) -> Project:
    """Return an empty project on the engine of this run."""
    folder = tmp_path / "program"
    folder.mkdir()
    return Project(folder, engine)
