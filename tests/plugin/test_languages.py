"""The examples in YAML, TypeScript and Go, and a Python program with a generated SDK.

All but the YAML program download packages of their languages: the SDK that Pulumi generates has
dependencies. So these are slow.
"""

from __future__ import annotations

import functools
import json
import shutil
import subprocess
import sys
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from parallel_provider.testing.emulator import Emulator
from parallel_provider.version import __version__
from tests.engines import changes, is_secret
from tests.plugin.language_project import NEEDS, ROOT, LanguageProject
from tests.scenarios.story import Console, apps_named, live_keys
from tools.documents.schema import package_schema
from tools.release.plugin_archive import PLATFORMS, archive_name, plugin_archive


def _needing(language: str, *, is_slow: bool) -> object:
    programs = ("pulumi", *NEEDS[language])
    missing = [program for program in programs if shutil.which(program) is None]
    marks = [pytest.mark.skipif(bool(missing), reason=f"needs {', '.join(programs)} on PATH")]
    if is_slow:
        marks.append(pytest.mark.slow)
    return pytest.param(language, marks=marks)


@pytest.mark.timeout(1200)
@pytest.mark.parametrize("language", [_needing(each, is_slow=each != "yaml") for each in NEEDS])
def test_life_of_the_quickstart(tmp_path: Path, emulator: Emulator, language: str) -> None:
    """Created, unchanged, replaced, rotated, retired, drifted, imported into and destroyed."""
    emulator.set_org(credit_balance_cents=1_234)
    project = LanguageProject(tmp_path, emulator, language)
    stack = project.stack

    assert changes(stack.preview()) == {"create": 5}
    up = stack.up()
    assert changes(up) == {"create": 5}
    assert up.outputs["balanceCents"].value == 1_234
    secret = {"ciRawApiKey", "serviceRawApiKey"}
    assert {name for name, output in up.outputs.items() if output.secret} == secret
    assert set(changes(stack.preview())) == {"same"}

    project.config("quarter", "2027Q1")
    replaced = stack.up()
    assert changes(replaced) == {"replace": 1, "same": 4}
    assert replaced.outputs["ciRawApiKey"].value != up.outputs["ciRawApiKey"].value

    project.set_days(31)
    rotated = stack.up()
    # The key, and what it is passed to.
    assert changes(rotated) == {"update": 2, "same": 3}
    assert rotated.outputs["serviceRawApiKey"].value != up.outputs["serviceRawApiKey"].value
    assert len(live_keys(emulator)) == 3

    project.set_days(34)
    assert changes(stack.preview()) == {"update": 1, "same": 4}
    retired = stack.up()
    assert retired.outputs["serviceRawApiKey"].value == rotated.outputs["serviceRawApiKey"].value
    assert len(live_keys(emulator)) == 2

    [app] = apps_named(emulator, "search")
    Console(emulator).delete_app(app["app_id"])
    assert changes(stack.refresh())["delete"] == 3
    assert changes(stack.up())["create"] == 3

    _import_a_key(project, emulator)
    assert emulator.leaks_in(project.stored_state()) == []
    stack.destroy()
    assert live_keys(emulator) == []
    assert apps_named(emulator, "search") == []


class Downloads:
    """A local server that stands for the releases of the repository."""

    def __init__(self, folder: Path) -> None:
        self.asked: list[str] = []
        asked = self.asked

        class Handler(SimpleHTTPRequestHandler):
            def log_request(self, *_arguments: object) -> None:
                asked.append(self.path)

        handler = functools.partial(Handler, directory=str(folder))
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Downloads:
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the plugin's archives, as a release has them."""
    folder = tmp_path_factory.mktemp("release")
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps"]
    subprocess.run([*pip, "--wheel-dir", str(folder), str(ROOT)], check=True)
    [wheel] = folder.glob("*.whl")
    archive = plugin_archive(wheel, ROOT / "plugin", 1_700_000_000)
    for platform in PLATFORMS:
        (folder / archive_name(__version__, platform)).write_bytes(archive)
    return folder


@pytest.mark.timeout(1200)
@pytest.mark.parametrize("language", [_needing(each, is_slow=True) for each in NEEDS])
def test_machine_without_the_plugin_downloads_it(
    tmp_path: Path, emulator: Emulator, release: Path, language: str
) -> None:
    """From where the schema says. The program's package, or its declaration in YAML, has that."""
    with Downloads(release) as downloads:
        schema = tmp_path / "schema.json"
        changed = package_schema() | {"pluginDownloadURL": downloads.url}
        schema.write_text(json.dumps(changed))
        project = LanguageProject(tmp_path, emulator, language, [str(schema)])
        assert downloads.asked == []

        up = project.stack.up()

    assert changes(up) == {"create": 5}
    assert up.outputs["serviceRawApiKey"].secret
    [asked] = set(downloads.asked)
    assert asked in {f"/{archive_name(__version__, platform)}" for platform in PLATFORMS}
    assert len(live_keys(emulator)) == 2


@pytest.mark.timeout(1200)
@pytest.mark.parametrize("language", [_needing("yaml", is_slow=True)])
def test_first_step_can_download_the_plugin(
    tmp_path: Path, emulator: Emulator, release: Path, language: str
) -> None:
    """`pulumi package add --server` installs it, and Pulumi.yaml has where it comes from."""
    with Downloads(release) as downloads:
        package = [f"parallel@{__version__}", "--server", downloads.url]
        project = LanguageProject(tmp_path, emulator, language, package)

    assert len(downloads.asked) == 1
    assert f"pluginDownloadURL: {downloads.url}" in (project.folder / "Pulumi.yaml").read_text()
    assert changes(project.stack.up()) == {"create": 5}


def _import_a_key(project: LanguageProject, emulator: Emulator) -> None:
    """Import a key into the stack, with its code in the program's language."""
    app_id = project.stack.outputs()["appId"].value
    key = Console(emulator).create_key(app_id, "made-by-hand")
    raw_keys = json.dumps({key["api_key_id"]: key["raw_api_key"]})
    project.set_variable("PARALLEL_IMPORT_RAW_API_KEY", raw_keys)

    imported = project.stack.import_resources(
        resources=[
            {
                "type": "parallel:index:ApiKey",
                "name": "imported",
                "id": f"{app_id}/{key['api_key_id']}/made-by-hand",
            }
        ],
        protect=False,
    )

    assert "made-by-hand" in imported.generated_code
    state = project.resource("imported")
    assert state["id"] == f"{app_id}/{key['api_key_id']}/made-by-hand"
    assert state["outputs"]["apiKeyId"] == key["api_key_id"]
    assert is_secret(state["outputs"]["rawApiKey"])
    assert emulator.leaks_in(imported.stdout + imported.generated_code) == []
