"""What may be in the wheel and in the sdist, and what must be."""

from __future__ import annotations

import tarfile
import zipfile
from collections.abc import Collection, Iterator
from pathlib import Path

PACKAGE = "parallel_provider"
_PACKAGES = (PACKAGE, "pulumi_embedded")
_MADE = {"PKG-INFO"}
_NEEDED = (
    f"{PACKAGE}/__init__.py",
    f"{PACKAGE}/py.typed",
    f"{PACKAGE}/version.py",
    f"{PACKAGE}/plugin/schema.json",
    "pulumi_embedded/py.typed",
)
_NEEDED_BESIDE = ("LICENSE", "README.md", "CHANGELOG.md", "pyproject.toml")
_METADATA = {"METADATA", "WHEEL", "RECORD", "entry_points.txt", "licenses/LICENSE"}


def wheel_names(wheel: Path) -> list[str]:
    """Return the names of the files in a wheel."""
    with zipfile.ZipFile(wheel) as archive:
        return archive.namelist()


def sdist_names(sdist: Path) -> list[str]:
    """Return the names of the files in an sdist, without the folder that they are in."""
    with tarfile.open(sdist) as archive:
        return [name.partition("/")[2] for name in archive.getnames()]


def wheel_problems(names: Collection[str], committed: Collection[str]) -> Iterator[str]:
    """Yield what is wrong with the names in a wheel. `committed` are those of the repository."""
    for name in sorted(names):
        folder, _, rest = name.partition("/")
        if folder.endswith(".dist-info"):
            if rest not in _METADATA:
                yield f"{name} is no metadata of ours"
        elif folder not in _PACKAGES:
            yield f"{name} isn't in a package of ours"
        elif name not in committed:
            yield f"{name} isn't in the repository"
    yield from _missing([*_NEEDED, *_modules(committed)], names)


def sdist_problems(names: Collection[str], committed: Collection[str]) -> Iterator[str]:
    """Yield what is wrong with the names in an sdist."""
    for name in sorted(names):
        if name not in _MADE and name not in committed:
            yield f"{name} isn't in the repository"
        # hatchling adds .gitignore, because it decides what is in the sdist.
        if name.startswith(".") and name != ".gitignore":
            yield f"{name} is of no use to who has the sdist"
    yield from _missing([*_NEEDED, *_NEEDED_BESIDE, *_modules(committed)], names)


def _modules(committed: Collection[str]) -> list[str]:
    folders = tuple(f"{package}/" for package in _PACKAGES)
    return [name for name in committed if name.startswith(folders) and name.endswith(".py")]


def _missing(needed: Collection[str], names: Collection[str]) -> Iterator[str]:
    for name in sorted(set(needed) - set(names)):
        yield f"{name} is missing"
