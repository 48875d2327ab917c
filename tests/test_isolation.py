"""Where this package, and the process that refreshes a sign-in, import modules from."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

import parallel_provider

PACKAGE = Path(parallel_provider.__file__).parent
SITE = str(Path(pytest.__file__).parents[1])
# What is imported in these packages after a run's first request.
PACKAGES = ("api", "credentials", "dynamic", "http", "lifecycle", "resources")
PATHS = "from parallel_provider.isolation import import_paths; print(*import_paths(), sep='\\n')"
START_WORKER = """
import sys
from parallel_provider.isolation import import_own_modules
import_own_modules()
from parallel_provider.credentials import stored_sign_in
from parallel_provider.errors import CredentialsError
request = stored_sign_in.RefreshRequest(
    path=sys.argv[1], org_id="org", platform_url="http://127.0.0.1:1", unwanted=""
)
try:
    stored_sign_in.run_refresh_worker(request)
except CredentialsError as error:
    print(error)
"""


def python(code: str, *arguments: str, folder: Path, **variables: str) -> str:
    """Run code in a folder, and return what it prints."""
    environment = {name: text for name, text in os.environ.items() if name != "PYTHONPATH"}
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd=folder,
        env=environment | variables,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
        timeout=60,
    ).stdout


def project_with_modules(folder: Path) -> Path:
    """Make a folder with modules that can't be imported."""
    folder.mkdir()
    for name in ("secrets", "hmac", "decimal", "httpx", "filelock", "tempfile", "brotli"):
        (folder / f"{name}.py").write_text("raise RuntimeError('a module of the project')")
    return folder


def test_folder_of_the_program_is_left_out(tmp_path: Path) -> None:
    """PYTHONPATH comes after the standard library and the packages."""
    project = project_with_modules(tmp_path / "project")
    other = str(tmp_path / "other")
    paths = python(PATHS, folder=project, PYTHONPATH=other).splitlines()
    assert str(project) not in paths
    assert paths[0].endswith(".zip")
    assert paths.index(other) > paths.index(SITE)
    assert paths[-1] == str(PACKAGE.parent) or str(PACKAGE.parent) in paths


@pytest.mark.parametrize("installed", ["environment", "PYTHONPATH", "user", "program's folder"])
def test_refresh_starts_wherever_the_packages_are(tmp_path: Path, installed: str) -> None:
    """The process that refreshes finds its packages, and nothing of the project hides one."""
    project = project_with_modules(tmp_path / "project")
    file = tmp_path / "auth.json"
    variables = {}
    if installed == "program's folder":
        (project / "parallel_provider").symlink_to(PACKAGE)
        (project / "brotli.py").unlink()
    elif installed == "user":
        version = f"python{sys.version_info[0]}.{sys.version_info[1]}"
        user = tmp_path / "user" / "lib" / version / "site-packages"
        user.mkdir(parents=True)
        (user / "packages.pth").write_text(f"{SITE}\n{PACKAGE.parent}\n")
        variables = {"PYTHONUSERBASE": str(tmp_path / "user")}
    elif installed == "PYTHONPATH":
        variables = {"PYTHONPATH": os.pathsep.join([SITE, str(PACKAGE.parent)])}
    # Without its environment, this Python has no packages of its own.
    base = str(Path(sys.base_prefix) / "bin" / "python3")
    before = sys.executable
    if installed in ("user", "PYTHONPATH"):
        if not Path(base).exists():
            pytest.skip(f"{base} is missing")
        sys.executable = base
    try:
        output = python(START_WORKER, str(file), folder=project, **variables)
    finally:
        sys.executable = before
    assert output == f"there is no stored sign-in ({file}): run `parallel-provider login`\n"


def test_program_file_hides_no_module(tmp_path: Path) -> None:
    """Nothing is imported in advance because a folder with packages has a `__main__.py` too."""
    project, packages = tmp_path / "project", tmp_path / "packages"
    for folder in (project, packages):
        folder.mkdir()
        (folder / "__main__.py").touch()
    code = "import_own_modules(); print(*{'httpx', 'filelock'} & {*sys.modules})"
    code = f"import sys\nfrom parallel_provider.isolation import import_own_modules\n{code}"
    assert python(code, folder=project, PYTHONPATH=str(packages)) == "\n"
    (project / "secrets.py").touch()
    assert set(python(code, folder=project, PYTHONPATH=str(packages)).split()) == {
        "httpx",
        "filelock",
    }


@pytest.mark.parametrize(
    "file",
    [
        *PACKAGE.glob("*.py"),
        *(file for package in PACKAGES for file in (PACKAGE / package).glob("*.py")),
    ],
    ids=lambda file: str(file.relative_to(PACKAGE)),
)
def test_functions_import_only_modules_of_this_package(file: Path) -> None:
    """A function that imports `filelock` itself could get the project's: `late` imports it."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    for function in ast.walk(tree):
        if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        for node in ast.walk(function):
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            else:
                continue
            for name in names:
                assert name.startswith("parallel_provider"), f"{function.name} imports {name}"
