"""Build everything that a release has, from the last commit."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import venv
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tools.release.contents import sdist_names, sdist_problems, wheel_names, wheel_problems
from tools.release.plugin_archive import PLATFORMS, archive_name, plugin_archive
from tools.release.project import ROOT, ReleaseError, version

SUMS = "SHA256SUMS"
_TIMEOUT_SECONDS = 600


def commit_time() -> int:
    """Return the time of the last commit, in epoch seconds. It is the time in all archives."""
    return int(_git("log", "-1", "--format=%ct"))


def committed_names() -> set[str]:
    """Return the names of the files in the last commit."""
    return set(_git("ls-tree", "-r", "--name-only", "HEAD").splitlines())


def uncommitted_changes() -> list[str]:
    """Return the names of the files that differ from the last commit. A release has none of it."""
    return [line[3:] for line in _git("status", "--porcelain").splitlines()]


def build(target: Path) -> None:
    """Write the sdist, the wheel, the plugin's archives, the SBOM and the sums into a new folder.

    Builds in a copy of the last commit, so a file that only this checkout has is in none of them.
    """
    epoch = commit_time()
    target.mkdir(parents=True)
    with _copy_of_commit() as source:
        _run(
            *(sys.executable, "-m", "build", "--no-isolation", "--outdir", target, source),
            SOURCE_DATE_EPOCH=str(epoch),
        )
        wheel, sdist = built_wheel(target), built_sdist(target)
        _refuse(wheel, wheel_problems(wheel_names(wheel), committed_names()))
        _refuse(sdist, sdist_problems(sdist_names(sdist), committed_names()))
        _run(sys.executable, "-m", "twine", "check", "--strict", wheel, sdist)
        archive = plugin_archive(wheel, source / "plugin", epoch)
        for platform in PLATFORMS:
            (target / archive_name(version(source), platform)).write_bytes(archive)
        _write_sbom(source, wheel, target / f"parallel_provider-{version(source)}.cdx.json", epoch)
    _write_sums(target)


def built_wheel(folder: Path) -> Path:
    """Return the only wheel of a folder."""
    [wheel] = folder.glob("*.whl")
    return wheel


def built_sdist(folder: Path) -> Path:
    """Return the only sdist of a folder."""
    [sdist] = folder.glob("parallel_provider-*.tar.gz")
    return sdist


def differing(one: Path, other: Path) -> list[str]:
    """Return the names of the files that aren't the same in two folders."""
    names = {file.name for folder in (one, other) for file in folder.iterdir()}
    return sorted(name for name in names if _bytes(one / name) != _bytes(other / name))


@contextmanager
def _copy_of_commit() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        packed, copy = Path(folder) / "commit.tar", Path(folder) / "commit"
        _git("archive", "--format=tar", f"--output={packed}", "HEAD")
        with tarfile.open(packed) as archive:
            if hasattr(tarfile, "data_filter"):
                archive.extractall(copy, filter="data")
            else:
                archive.extractall(copy)  # noqa: S202 - git's archive of our own commit
        yield copy


def _write_sbom(source: Path, wheel: Path, target: Path, epoch: int) -> None:
    """Write what an installation of the wheel with the pinned versions consists of."""
    with tempfile.TemporaryDirectory() as folder:
        # Without pip, which is no part of the product.
        venv.create(folder, with_pip=False)
        python = Path(folder) / "bin" / "python"
        pip = (sys.executable, "-m", "pip", "--python", python, "--disable-pip-version-check")
        _run(*pip, "install", "--quiet", "--constraint", source / "constraints.txt", wheel)
        _run(
            *(sys.executable, "-m", "cyclonedx_py", "environment", "--output-reproducible"),
            *("--pyproject", source / "pyproject.toml", "--mc-type", "library"),
            *("--output-file", target, python),
            SOURCE_DATE_EPOCH=str(epoch),
        )


def _write_sums(folder: Path) -> None:
    files = sorted(file for file in folder.iterdir() if file.name != SUMS)
    lines = [f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.name}\n" for file in files]
    (folder / SUMS).write_text("".join(lines))


def _refuse(file: Path, problems: Iterator[str]) -> None:
    found = list(problems)
    if found:
        raise ReleaseError(f"{file.name}: {'; '.join(found)}")


def _bytes(file: Path) -> bytes | None:
    return file.read_bytes() if file.exists() else None


def _git(*arguments: str) -> str:
    git = shutil.which("git")
    if git is None:
        raise ReleaseError("git isn't on PATH, and a release is built from a commit")
    return _output([git, *arguments], {})


def _run(*command: str | Path, **environment: str) -> None:
    _output([str(part) for part in command], environment)


def _output(command: list[str], environment: Mapping[str, str]) -> str:
    done = subprocess.run(  # noqa: S603 - our own tools
        command,
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=_TIMEOUT_SECONDS,
        check=False,
    )
    if done.returncode != 0:
        raise ReleaseError(f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}")
    return done.stdout
