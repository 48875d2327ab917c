"""Runs lifecycle scenarios on two engines.

A scenario with the `project` fixture runs twice: always on `EmbeddedStack`, and on the real engine
if `pulumi` is on PATH. Otherwise that half is skipped with the reason.

    def test_up_creates(project: Project) -> None:
        project.write("import pulumi; pulumi.export('answer', 42)")
        result = project.up()
        assert result.outputs["answer"].value == 42
        assert changes(result) == {"create": 1}

- `project.write(source, "lib.py")` writes a file of the program; default: `__main__.py`. To change
  the program, write again between two runs. `project.copy(folder)` copies a whole folder.
- `project.env` has the environment of the program and the providers. It can change between runs.
- `project.plugins["package"]` is the executable of a package's native plugin. Set it before the
  first run.
- `project.config("key", "value", secret=True)` sets stack configuration.
- `project.up()`, `.preview()`, `.refresh()`, `.destroy()` have the arguments of the stack's
  methods. `project.stack` is that stack (`pulumi.automation`'s or the embedded one).
- `project.fails("up")` runs an operation that must fail, and returns the text that a user sees.
- `project.resources()` returns the state, one dict per resource, as `pulumi stack export` writes it
  with `--show-secrets`. Use `is_secret(value)` and `plain(value)` on its inputs and outputs.
- `project.take_over(state)` imports a state that either engine exported earlier.
- `project.provider` is "native" where the program uses the native plugin. `project.resources()` has
  the names of the dynamic provider then too.
- `project.said` has all output of its runs so far.
- `changes(result)` has the changes of a run or a preview, as plain `{"create": 2, "same": 1}`.
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
from tests.native.providers import ProviderKind, in_dynamic_form

Engine = Literal["embedded", "pulumi"]
Result = UpResult | PreviewResult | RefreshResult | DestroyResult

PROJECT_NAME = "scenario"
STACK_NAME = "test"

# The mark of a special value in a state, and the mark of a secret.
_SIGNATURE = "4dabf18193072939515e22adb298388d"
_SECRET = "1b47061264138c4ac30d75fd1eb44270"


class Project:
    """A Pulumi program in its own folder, and its stack on one of the two engines."""

    def __init__(self, folder: Path, engine: Engine) -> None:
        self.folder = folder
        self.engine: Engine = engine
        self.env: dict[str, str] = {}
        self.said: list[str] = []
        self.plugins: dict[str, Path] = {}
        self.provider: ProviderKind = "dynamic"
        self._stack: Stack | EmbeddedStack | None = None

    @property
    def stack(self) -> Any:  # noqa: ANN401 - the two kinds share a surface, not a type
        """Return the stack. It is created on first use."""
        if self._stack is None:
            self._stack = _open_stack(self.engine, self.folder, self.env, self.plugins)
        return self._stack

    @stack.setter
    def stack(self, stack: Stack | EmbeddedStack) -> None:
        """Continue with another stack of the same program."""
        self._stack = stack

    def write(self, source: str, file: str = "__main__.py") -> None:
        """Write one file of the program."""
        if self.provider == "native":
            source = source.replace("import parallel_provider as", "import parallel_native as")
        path = self.folder / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source)

    def copy(self, folder: Path) -> None:
        """Copy the program of a folder, without its `Pulumi.yaml`."""
        ignored = shutil.ignore_patterns("Pulumi*.yaml", "__pycache__", ".venv")
        shutil.copytree(folder, self.folder, dirs_exist_ok=True, ignore=ignored)

    def config(self, key: str, value: str, *, secret: bool = False) -> None:
        """Set one value of the stack's configuration."""
        self.stack.set_config(key, ConfigValue(value=value, secret=secret))

    def preview(self, **options: object) -> PreviewResult:
        """Preview `up`."""
        result: PreviewResult = self.stack.preview(**options)
        self.said += [result.stdout, result.stderr]
        return result

    def up(self, **options: object) -> UpResult:
        """Run `up`."""
        result: UpResult = self.stack.up(**options)
        self.said += [result.stdout, result.stderr]
        return result

    def refresh(self, **options: object) -> RefreshResult:
        """Refresh the state."""
        result: RefreshResult = self.stack.refresh(**options)
        self.said += [result.stdout, result.stderr]
        return result

    def destroy(self, **options: object) -> DestroyResult:
        """Delete everything in the stack."""
        result: DestroyResult = self.stack.destroy(**options)
        self.said += [result.stdout, result.stderr]
        return result

    def fails(self, operation: str, **options: object) -> str:
        """Run an operation that must fail, and return what the user sees."""
        with pytest.raises(CommandError) as failure:
            getattr(self.stack, operation)(**options)
        self.said.append(str(failure.value))
        return str(failure.value)

    def take_over(self, state: dict[str, Any]) -> None:
        """Import a state that either engine exported with its secrets shown."""
        state = dict(state)
        if self.engine == "pulumi":
            # The import encrypts these secrets with the key of this stack.
            own = self.stack.export_stack().deployment or {}
            state["secrets_providers"] = own["secrets_providers"]
        self.stack.import_stack(Deployment(version=3, deployment=state))

    def resources(self) -> list[dict[str, Any]]:
        """Return the resources of the state, in its order, with marked secrets."""
        deployment = self.stack.export_stack().deployment or {}
        resources: list[dict[str, Any]] = deployment.get("resources") or []
        return resources if self.provider == "dynamic" else [*map(in_dynamic_form, resources)]

    def resource(self, name: str) -> dict[str, Any]:
        """Return the only resource of the state with this name."""
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
    """Return whether a value in the state is a secret."""
    return isinstance(value, dict) and value.get(_SIGNATURE) == _SECRET


def plain(value: Any) -> Any:  # noqa: ANN401 - JSON
    """Return a value of the state without the mark of a secret."""
    return json.loads(value["plaintext"]) if is_secret(value) else value


def _open_stack(
    engine: Engine, folder: Path, env: dict[str, str], plugins: dict[str, Path]
) -> Stack | EmbeddedStack:
    if engine == "embedded":
        return EmbeddedStack(
            STACK_NAME, folder, project_name=PROJECT_NAME, env_vars=env, plugins=plugins
        )
    return local_stack(
        STACK_NAME,
        folder,
        project_name=PROJECT_NAME,
        private_dir=folder.parent,
        env_vars=env,
        plugins=plugins,
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
    """Return the engine that a scenario runs on."""
    chosen: Engine = request.param
    return chosen


@pytest.fixture
def project(tmp_path: Path, engine: Engine) -> Project:
    """Return an empty project on the engine of this run."""
    folder = tmp_path / "program"
    folder.mkdir()
    return Project(folder, engine)
