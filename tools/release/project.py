"""What a release is about: the version, the tag, the changelog's section, the addresses."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).parents[2]
EXAMPLE_OWNER = "your-org"
"""The owner in `[project.urls]` until the repository has its public address."""

_VERSION = re.compile(r'^__version__ = "([^"]+)"$', re.MULTILINE)
_REPOSITORY = re.compile(r'^Repository = "([^"]+)"$', re.MULTILINE)
_RELEASE = re.compile(r"\d+\.\d+\.\d+(?:(?:a|b|rc)\d+)?")


class ReleaseError(Exception):
    """Why a release can't be made: one line."""


def version(root: Path = ROOT) -> str:
    """Return the version, which stands in `parallel_provider/version.py` only."""
    found = _VERSION.search((root / "parallel_provider" / "version.py").read_text())
    if found is None:
        raise ReleaseError("parallel_provider/version.py: there is no line `__version__ = …`")
    return found[1]


def check_tag(tag: str, of: str) -> None:
    """Refuse a tag that isn't "v" and the version."""
    if not _RELEASE.fullmatch(of):
        raise ReleaseError(f"version {of}: a release is X.Y.Z, or X.Y.Z and a1, b1 or rc1")
    if tag != f"v{of}":
        raise ReleaseError(
            f"tag {tag!r}: the package's version is {of}: delete the tag, and tag v{of}, or change "
            "parallel_provider/version.py first"
        )


def repository(root: Path = ROOT) -> str:
    """Return the repository's address, which stands in `[project.urls]` alone."""
    found = _REPOSITORY.search((root / "pyproject.toml").read_text())
    if found is None:
        raise ReleaseError("pyproject.toml: [project.urls] has no Repository")
    return found[1]


def check_repository(pyproject: str, environment: Mapping[str, str]) -> None:
    """Refuse a release whose metadata point to another repository than the one that runs it.

    GitHub Actions sets `GITHUB_SERVER_URL` and `GITHUB_REPOSITORY`.
    """
    found = _REPOSITORY.search(pyproject)
    stated = found[1] if found else None
    actual = f"{environment['GITHUB_SERVER_URL']}/{environment['GITHUB_REPOSITORY']}"
    if stated != actual:
        raise ReleaseError(
            f"pyproject.toml: [project.urls] says Repository = {stated!r}, and this is {actual!r}: "
            "change all addresses there, and tag the new commit"
        )


def changes(changelog: str, of: str) -> str:
    """Return the changelog's section for a version, without its heading."""
    heading = re.compile(rf"^## \[?{re.escape(of)}\]?(?: .*)?$", re.MULTILINE)
    found = heading.search(changelog)
    section = changelog[found.end() :] if found else ""
    text = re.split(r"^## ", section, maxsplit=1, flags=re.MULTILINE)[0].strip()
    if not text:
        raise ReleaseError(
            f"CHANGELOG.md: there is nothing under `## {of}`: rename `## Unreleased` to "
            f"`## {of} - YYYY-MM-DD`"
        )
    return text + "\n"
