"""tools/release: what a release is refused for, and what is in it."""

from __future__ import annotations

import gzip
import importlib.metadata
import io
import re
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
from packaging.utils import canonicalize_name

from parallel_provider.version import __version__
from tools.release.build import differing
from tools.release.contents import sdist_problems, wheel_problems
from tools.release.plugin_archive import PLATFORMS, archive_name, plugin_archive
from tools.release.project import (
    ROOT,
    ReleaseError,
    changes,
    check_repository,
    check_tag,
    version,
)

_GIT = shutil.which("git")
CHANGELOG = """# Changelog

## Unreleased

- Not yet.

## 1.2.0 - 2026-12-01

### Added

- This.

## [1.1.0] - 2026-11-01

- That.

## 1.0.0
"""
GOOD = {
    "parallel_provider/__init__.py",
    "parallel_provider/py.typed",
    "parallel_provider/version.py",
    "parallel_provider/plugin/schema.json",
    "pulumi_embedded/py.typed",
}
COMMITTED = GOOD | {"LICENSE", "README.md", "CHANGELOG.md", "pyproject.toml", ".gitignore"}
SDIST = COMMITTED | {"PKG-INFO"}


def test_version_stands_in_one_place() -> None:
    """pyproject.toml reads it from there."""
    assert version() == __version__
    assert f'"{__version__}"' not in (ROOT / "pyproject.toml").read_text()


@pytest.mark.parametrize("of", ["0.1.0", "1.2.3rc1", "1.0.0a2"])
def test_tag_of_the_version_is_accepted(of: str) -> None:
    """Also that of a release for trying out."""
    check_tag(f"v{of}", of)


@pytest.mark.parametrize("tag", ["v0.1.1", "0.1.0", "v0.1.0 ", "V0.1.0", "", "v0.1.0-1"])
def test_other_tag_is_refused(tag: str) -> None:
    """The message says what to do."""
    with pytest.raises(ReleaseError, match=r"the package's version is 0\.1\.0: delete the tag"):
        check_tag(tag, "0.1.0")


@pytest.mark.parametrize("of", ["0.1", "0.1.0.dev1", "next"])
def test_version_that_is_no_release_is_refused(of: str) -> None:
    """Even if the tag has it too."""
    with pytest.raises(ReleaseError, match=r"a release is X\.Y\.Z"):
        check_tag(f"v{of}", of)


def test_release_from_another_repository_is_refused() -> None:
    """PyPI would show addresses that lead nowhere."""
    environment = {"GITHUB_SERVER_URL": "https://github.com", "GITHUB_REPOSITORY": "acme/provider"}
    check_repository('Repository = "https://github.com/acme/provider"\n', environment)
    for pyproject in ('Repository = "https://github.com/your-org/provider"\n', ""):
        with pytest.raises(ReleaseError, match=r"and this is .*/acme/provider"):
            check_repository(pyproject, environment)


def test_changes_are_the_section_of_the_version() -> None:
    """With its own headings, and nothing of the next."""
    assert changes(CHANGELOG, "1.2.0") == "### Added\n\n- This.\n"
    assert changes(CHANGELOG, "1.1.0") == "- That.\n"


@pytest.mark.parametrize("of", ["1.0.0", "1.3.0", "1.2", "1x2x0"])
def test_release_without_changes_is_refused(of: str) -> None:
    """An empty section is none."""
    with pytest.raises(ReleaseError, match=re.escape(f"nothing under `## {of}`")):
        changes(CHANGELOG, of)


def test_wheel_has_the_package_and_nothing_else() -> None:
    """A file that lies around in a checkout would be published otherwise."""
    metadata = {f"parallel_provider-1.dist-info/{n}" for n in ("METADATA", "WHEEL", "RECORD")}
    assert list(wheel_problems(GOOD | metadata, COMMITTED)) == []
    assert list(wheel_problems(GOOD | {"parallel_provider/key.pem"}, COMMITTED)) == [
        "parallel_provider/key.pem isn't in the repository"
    ]
    assert list(wheel_problems(GOOD | {"tests/conftest.py"}, COMMITTED)) == [
        "tests/conftest.py isn't in a package of ours"
    ]
    assert list(wheel_problems(GOOD - {"parallel_provider/py.typed"}, COMMITTED)) == [
        "parallel_provider/py.typed is missing"
    ]
    for new in ("parallel_provider/new.py", "pulumi_embedded/new.py"):
        assert list(wheel_problems(GOOD, COMMITTED | {new})) == [f"{new} is missing"]


def test_sdist_has_what_is_committed() -> None:
    """Without what only the repository needs."""
    assert list(sdist_problems(SDIST, COMMITTED)) == []
    assert list(sdist_problems(SDIST | {".env"}, COMMITTED)) == [
        ".env isn't in the repository",
        ".env is of no use to who has the sdist",
    ]
    assert list(sdist_problems(SDIST - {"LICENSE"}, COMMITTED)) == ["LICENSE is missing"]


def test_plugin_archive_is_what_pulumi_unpacks(tmp_path: Path) -> None:
    """The wheel is inside, and nothing tells when or by whom it was packed."""
    wheel = tmp_path / "parallel_provider-1-py3-none-any.whl"
    wheel.write_bytes(b"wheel")

    packed = plugin_archive(wheel, ROOT / "plugin", 1_700_000_000)

    assert plugin_archive(wheel, ROOT / "plugin", 1_700_000_000) == packed
    with tarfile.open(fileobj=io.BytesIO(gzip.decompress(packed))) as archive:
        members = {member.name: member for member in archive.getmembers()}
        requirements = archive.extractfile("requirements.txt")
        assert requirements is not None
        assert requirements.read() == b"./parallel_provider-1-py3-none-any.whl\n"
    assert set(members) == {"PulumiPlugin.yaml", "__main__.py", "requirements.txt", wheel.name}
    assert {(m.mtime, m.uid, m.uname, m.mode) for m in members.values()} == {
        (1_700_000_000, 0, "", 0o644)
    }
    assert (
        archive_name("1.2.3", PLATFORMS[0]) == "pulumi-resource-parallel-v1.2.3-linux-amd64.tar.gz"
    )


def test_builds_that_differ_are_named(tmp_path: Path) -> None:
    """Also a file that only one of them has."""
    one, other = tmp_path / "one", tmp_path / "other"
    for folder in (one, other):
        folder.mkdir()
        (folder / "same").write_text("same")
        (folder / "changed").write_text(folder.name)
    (one / "alone").touch()
    assert differing(one, other) == ["alone", "changed"]


def test_everything_that_is_installed_is_pinned() -> None:
    """What the workflows install is what constraints.txt says."""
    pinned = {
        canonicalize_name(line.partition("==")[0])
        for line in (ROOT / "constraints.txt").read_text().splitlines()
        if "==" in line
    }
    needed = {
        canonicalize_name(re.split(r"[><=\[;( ]", requirement)[0])
        for requirement in importlib.metadata.requires("parallel-provider") or ()
    }
    assert needed - {"parallel-provider"} <= pinned


@pytest.mark.parametrize(
    "document",
    [
        "README.md",
        "docs/installation-configuration.md",
        "examples/pipelines/README.md",
        "templates/parallel-python/requirements.txt",
    ],
)
def test_documents_name_the_wheel_of_this_version(document: str) -> None:
    """Until the package is on PyPI, users keep the wheel beside their program."""
    shown = set(re.findall(r"parallel_provider-[^/\s`']*\.whl", (ROOT / document).read_text()))
    assert shown == {f"parallel_provider-{__version__}-py3-none-any.whl"}


@pytest.mark.slow
@pytest.mark.skipif(_GIT is None, reason="takes git")
def test_repository_is_a_requirement(tmp_path: Path) -> None:
    """As docs/installation-configuration.md says; here with the address of this checkout."""
    requirement = "parallel-provider @ git+https://HOST/OWNER/REPOSITORY@COMMIT"
    assert requirement in (ROOT / "docs/installation-configuration.md").read_text()
    asked = [str(_GIT), "rev-parse", "HEAD"]
    commit = subprocess.run(asked, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    address = f"file://localhost{ROOT}@{commit.strip()}"
    here = requirement.replace("https://HOST/OWNER/REPOSITORY@COMMIT", address)

    pip = (sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", "install")
    command = [*pip, "--no-deps", "--target", str(tmp_path), here]
    done = subprocess.run(command, capture_output=True, text=True, timeout=110, check=False)

    assert done.returncode == 0, done.stderr
    installed = importlib.metadata.Distribution.at(
        tmp_path / f"parallel_provider-{__version__}.dist-info"
    )
    assert installed.version == __version__
    assert (tmp_path / "parallel_provider" / "py.typed").exists()
