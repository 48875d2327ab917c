"""The native plugin as an archive, for `pulumi plugin install resource parallel VERSION`.

Pulumi unpacks it, makes a virtual environment in it, and installs the wheel that is inside, with
its dependencies. So it needs neither a checkout nor the package's name on PyPI.
"""

from __future__ import annotations

import gzip
import io
import tarfile
from pathlib import Path

PLATFORMS = ("linux-amd64", "linux-arm64", "darwin-amd64", "darwin-arm64")
"""`--server` asks for an archive of its platform. The archives of all platforms are the same."""

_OF_THE_FOLDER = ("PulumiPlugin.yaml", "__main__.py")


def archive_name(version: str, platform: str) -> str:
    """Return the name under which `pulumi plugin install --server` looks for the archive."""
    return f"pulumi-resource-parallel-v{version}-{platform}.tar.gz"


def plugin_archive(wheel: Path, folder: Path, epoch: int) -> bytes:
    """Return the archive of a wheel, with what the folder `plugin/` has besides the requirements.

    The same files and epoch seconds give the same bytes.
    """
    files = {
        **{name: (folder / name).read_bytes() for name in _OF_THE_FOLDER},
        "requirements.txt": f"./{wheel.name}\n".encode(),
        wheel.name: wheel.read_bytes(),
    }
    packed = io.BytesIO()
    with (
        gzip.GzipFile(filename="", mode="wb", fileobj=packed, mtime=epoch) as zipped,
        tarfile.open(fileobj=zipped, mode="w", format=tarfile.PAX_FORMAT) as archive,
    ):
        for name, content in sorted(files.items()):
            entry = tarfile.TarInfo(name)
            entry.size, entry.mtime, entry.mode = len(content), epoch, 0o644
            archive.addfile(entry, io.BytesIO(content))
    return packed.getvalue()
