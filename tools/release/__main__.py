"""`python -m tools.release COMMAND`: what the release workflow and `make dist` run."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path

import click

from tools.release.build import build, differing, uncommitted_changes
from tools.release.contents import sdist_names, wheel_names
from tools.release.project import (
    ROOT,
    ReleaseError,
    changes,
    check_repository,
    check_tag,
    version,
)


@click.group()
def program() -> None:
    """Build and check a release."""


@program.command()
@click.argument("folder", type=click.Path(path_type=Path), default=ROOT / "dist")
def dist(folder: Path) -> None:
    """Build the last commit twice, check both builds, and write one to FOLDER."""
    changed = uncommitted_changes()
    if changed:
        click.echo(f"Not in the build, because it isn't committed: {', '.join(changed)}", err=True)
    with tempfile.TemporaryDirectory() as parent:
        first, second = Path(parent) / "first", Path(parent) / "second"
        for target in (first, second):
            build(target)
        names = differing(first, second)
        if names:
            raise ReleaseError(f"two builds of one commit differ: {', '.join(names)}")
        if folder.exists():
            shutil.rmtree(folder)
        shutil.copytree(first, folder)
    for file in sorted(folder.iterdir()):
        click.echo(f"{file.stat().st_size:>9}  {file.name}{_count(file)}")
    click.echo("Checked: contents, `twine check --strict`, and a second build has the same bytes.")


@program.command("check-tag")
@click.argument("tag")
def check_tag_command(tag: str) -> None:
    """Refuse a TAG that isn't the version, or that stands in another repository."""
    check_tag(tag, version())
    changes((ROOT / "CHANGELOG.md").read_text(), version())
    if "GITHUB_REPOSITORY" in os.environ:
        check_repository((ROOT / "pyproject.toml").read_text(), os.environ)


@program.command()
def notes() -> None:
    """Print the changelog's section for the version."""
    click.echo(changes((ROOT / "CHANGELOG.md").read_text(), version()), nl=False)


def _count(file: Path) -> str:
    if file.suffix == ".whl":
        return f" ({len(wheel_names(file))} files)"
    if file.name.startswith("parallel_provider-") and file.name.endswith(".tar.gz"):
        return f" ({len(sdist_names(file))} files)"
    return ""


if __name__ == "__main__":
    try:
        program()
    except ReleaseError as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(1)
