"""What the Pulumi package `parallel` is called in each language, and where it comes from.

All of it follows from the repository's address in `[project.urls]`. The names stand below the
repository's owner, as those of a package that is added by a git URL do. So no registry can have a
package of somebody else with one of these names.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from parallel_provider.plugin.schema import PACKAGE
from tools.release.project import repository

_GITHUB = "https://github.com/"


@dataclass(frozen=True)
class Names:
    """The names of the package, made from the repository's address."""

    repository: str

    @property
    def owner(self) -> str:
        """The owner of the repository, which is the package's namespace: "acme-inc"."""
        return self._path.partition("/")[0].lower()

    @property
    def download_url(self) -> str:
        """Where Pulumi downloads the plugin: the releases of the repository."""
        return f"github://api.github.com/{self._path}"

    @property
    def node(self) -> str:
        """The package for Node.js: "@acme-inc/parallel"."""
        return f"@{self.owner}/{PACKAGE}"

    @property
    def python(self) -> str:
        """The package for Python: "acme_inc_parallel"."""
        return f"{self._identifier}_{PACKAGE}"

    @property
    def go(self) -> str:
        """The import path of the package for Go."""
        return f"{self.repository.removeprefix('https://')}/sdk/go/{PACKAGE}"

    @property
    def csharp_namespace(self) -> str:
        """The namespace that the package's own namespace for C# is in: "AcmeInc"."""
        return "".join(part.capitalize() for part in self._identifier.split("_"))

    @property
    def java_package(self) -> str:
        """The Java package that the package is in: "io.github.acme_inc"."""
        return f"io.github.{self._identifier}"

    @property
    def _path(self) -> str:
        if not self.repository.startswith(_GITHUB):
            raise ValueError(f"{self.repository} isn't a repository on GitHub")
        return self.repository.removeprefix(_GITHUB)

    @property
    def _identifier(self) -> str:
        return self.owner.replace("-", "_")


NAMES = Names(repository())


def with_names(text: str, names: Names = NAMES) -> str:
    """Return a document or a program in which the package has its names of today."""
    text = re.sub(rf"@[\w-]+/{PACKAGE}\b(?=[\"`'])", names.node, text)
    text = re.sub(rf"\b\w+_{PACKAGE}(?=`| as {PACKAGE}\b)", names.python, text)
    return re.sub(rf"\bgithub\.com/[\w.-]+/[\w.-]+/sdk/go/{PACKAGE}\b", names.go, text)
