"""The schema through Pulumi's own tools, and the SDKs that they generate from it."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from parallel_provider.lifecycle import FUNCTIONS, RESOURCES
from parallel_provider.plugin.schema import SCHEMA_FILE
from parallel_provider.version import __version__
from tests.native.providers import plugin_executable
from tests.plugin.language_project import PROGRAMS, PYTHON, ROOT, needs
from tests.real_pulumi import needs_pulumi
from tools.documents.package import NAMES
from tools.documents.texts import EXAMPLES, with_generated_package

pytestmark = needs_pulumi

EXECUTABLE = plugin_executable()


GO_PROGRAM = """package main

import (
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"%s"
)

func main() {
	pulumi.Run(func(ctx *pulumi.Context) error {
		%s
		return err
	})
}
"""


def run(folder: Path, *command: str) -> str:
    """Run a command in a folder, with Pulumi's own files there too; return what it prints."""
    environment = {
        **os.environ,
        "PULUMI_HOME": str(folder / "home"),
        "PULUMI_SKIP_UPDATE_CHECK": "true",
    }
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def generated_sdk(folder: Path, language: str) -> Path:
    """Return the folder of a new SDK."""
    command = ["pulumi", "package", "gen-sdk", str(EXECUTABLE), "--language", language]
    run(folder, *command, "--out", str(folder / "sdk"))
    return folder / "sdk" / language


def test_schema_that_pulumi_reads_is_the_checked_in_one(tmp_path: Path) -> None:
    """Nothing is lost or added on the way."""
    text = run(tmp_path, "pulumi", "package", "get-schema", str(EXECUTABLE))
    assert json.loads(text) == json.loads(SCHEMA_FILE.read_text())


@needs("pulumi-language-python")
def test_python_sdk_is_a_package_of_its_own_name(tmp_path: Path) -> None:
    """Its version is the plugin's. It can be installed beside `parallel_provider`."""
    sdk = generated_sdk(tmp_path, "python")
    assert [path.name for path in sdk.iterdir() if path.is_dir()] == [NAMES.python]
    assert f'version = "{__version__}"' in (sdk / "pyproject.toml").read_text()
    assert_finds_its_plugin(sdk / NAMES.python / "pulumi-plugin.json")
    assert_has_examples(sdk / NAMES.python / "api_key.py", "python")
    assert "## Install" in (sdk / NAMES.python / "README.md").read_text()


@needs("pulumi-language-nodejs")
def test_node_sdk_is_in_the_scope_of_the_owner(tmp_path: Path) -> None:
    """A package `@pulumi/…` would be somebody else's, and one without a scope could become it."""
    sdk = generated_sdk(tmp_path, "nodejs")
    package = json.loads((sdk / "package.json").read_text())
    assert package["name"] == NAMES.node
    assert package["version"] == __version__
    assert package["pulumi"]["server"] == NAMES.download_url
    assert_has_examples(sdk / "apiKey.ts", "typescript")
    assert "## Install" in (sdk / "README.md").read_text()


@needs("pulumi-language-go")
def test_go_sdk_is_in_the_repository(tmp_path: Path) -> None:
    """Its imports of itself begin with the repository's address."""
    sdk = generated_sdk(tmp_path, "go")
    texts = "".join(path.read_text() for path in sdk.rglob("*.go"))
    assert f'"{NAMES.go}/internal"' in texts
    assert "github.com/pulumi/pulumi-parallel" not in texts
    assert_finds_its_plugin(sdk / "parallel" / "pulumi-plugin.json")
    assert_has_examples(sdk / "parallel" / "apiKey.go", "go")


@needs("pulumi-language-python", "pulumi-language-nodejs")
def test_converted_program_depends_on_the_names_of_the_owner(tmp_path: Path) -> None:
    """`pulumi convert` writes the names of the packages into the program's dependencies."""
    run(tmp_path, str(Path(sys.executable).with_name("parallel-provider")), "plugin", "install")
    (tmp_path / "Pulumi.yaml").write_text("name: shop\nruntime: yaml\n")
    (tmp_path / "main.pp").write_text('resource search "parallel:index:App" {}\n')
    convert = ["pulumi", "convert", "--from", "pcl", "--generate-only"]
    for language in ("python", "typescript"):
        run(tmp_path, *convert, "--language", language, "--out", str(tmp_path / language))
    requirements = (tmp_path / "python" / "requirements.txt").read_text()
    package = json.loads((tmp_path / "typescript" / "package.json").read_text())
    assert f"{NAMES.python}=={__version__}" in requirements.splitlines()
    assert "pulumi-parallel" not in requirements
    assert package["dependencies"][NAMES.node] == __version__


def assert_finds_its_plugin(file: Path) -> None:
    """An SDK names the plugin's version, and where Pulumi downloads it if it isn't installed."""
    plugin = json.loads(file.read_text())
    expected = {"resource": True, "name": "parallel", "version": __version__}
    assert plugin == {**expected, "server": NAMES.download_url}


def assert_has_examples(file: Path, language: str) -> None:
    """Pulumi leaves those of the reader's language, and takes the marks away."""
    text = file.read_text()
    assert "## Example Usage" in text
    assert set(re.findall(r"```(\w+)$", text, re.MULTILINE)) == {language, "sh"}
    assert "{{%" not in text


def documented(language: str) -> str:
    """Return the program about explicit providers of the page about the configuration."""
    page = (ROOT / "docs" / "installation-configuration.md").read_text()
    blocks: list[str] = re.findall(rf"^```{language}\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)
    [found] = [block for block in blocks if "Provider(" in block]
    return found


def programs(suffix: str) -> dict[str, str]:
    """Return all examples of a language, and its quickstart, by name."""
    found = {path.stem: path.read_text() for path in EXAMPLES.glob(f"*.{suffix}")}
    assert len(found) == len([*RESOURCES, *FUNCTIONS])
    quickstarts = {
        "ts": PROGRAMS["typescript"] / "index.ts",
        "go": PROGRAMS["go"] / "main.go",
    }
    file = quickstarts.get(suffix)
    return {**found, "quickstart": PYTHON if file is None else file.read_text()}


@pytest.mark.slow
@pytest.mark.timeout(600)
@needs("pulumi-language-nodejs", "npm")
def test_node_sdk_and_all_examples_compile(tmp_path: Path) -> None:
    """With `tsc --strict`. A raw key is a text, and can be passed on."""
    generated_sdk(tmp_path, "nodejs")
    for name, text in programs("ts").items():
        (tmp_path / f"{name}.ts").write_text(text)
    (tmp_path / "providers.ts").write_text(documented("typescript"))
    options = {
        "strict": True,
        "noEmit": True,
        "target": "es2020",
        "module": "commonjs",
        "moduleResolution": "node",
        "skipLibCheck": True,
        "paths": {NAMES.node: ["./sdk/nodejs/index.ts"]},
    }
    project = {"compilerOptions": options, "include": ["*.ts", "sdk/nodejs/**/*.ts"]}
    (tmp_path / "tsconfig.json").write_text(json.dumps(project))
    (tmp_path / "package.json").write_text((PROGRAMS["typescript"] / "package.json").read_text())
    run(tmp_path, "npm", "install", "--no-audit", "--no-fund")
    run(tmp_path, "npx", "tsc", "--project", ".")


@pytest.mark.slow
@pytest.mark.timeout(1200)
@needs("pulumi-language-go", "go", "gofmt")
def test_go_sdk_and_all_examples_compile(tmp_path: Path) -> None:
    """With `go vet`. The examples have Go's own form."""
    sdk = generated_sdk(tmp_path, "go")
    module = NAMES.go.removesuffix("/parallel")
    version = (PROGRAMS["go"] / "go.mod").read_text().partition("\n")[2]
    (sdk / "go.mod").write_text(f"module {module}\n{version}")
    for name, text in programs("go").items():
        (sdk / name.lower()).mkdir()
        (sdk / name.lower() / "main.go").write_text(text)
    assert run(tmp_path, "gofmt", "-l", "-e", str(sdk)) == ""
    (sdk / "providers").mkdir()
    (sdk / "providers" / "main.go").write_text(GO_PROGRAM % (NAMES.go, documented("go")))
    run(sdk, "go", "mod", "tidy")
    assert (sdk / "go.mod").read_text().split("require")[0].endswith(version.split("require")[0])
    run(sdk, "go", "vet", "./...")


@pytest.mark.slow
@pytest.mark.timeout(600)
@needs("pulumi-language-python")
def test_python_sdk_accepts_all_examples(tmp_path: Path) -> None:
    """With `mypy --strict`."""
    sdk = generated_sdk(tmp_path, "python")
    run(tmp_path, sys.executable, "-m", "compileall", "-q", str(sdk))
    shutil.copytree(sdk / NAMES.python, tmp_path / NAMES.python)
    for name, text in programs("py").items():
        (tmp_path / f"example_{name}.py").write_text(with_generated_package(text))
    (tmp_path / "example_providers.py").write_text(documented("python"))
    files = [path.name for path in tmp_path.glob("example_*.py")]
    run(tmp_path, sys.executable, "-m", "mypy", "--strict", "--follow-imports=silent", *files)
