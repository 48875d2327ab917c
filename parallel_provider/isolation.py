"""Keeps the modules of the user's project out of this package.

Pulumi starts the program and `python -m pulumi.dynamic` with the program's folder first on
`sys.path`. So a `secrets.py` there takes the place of the standard library's module, for every
module that imports `secrets`. Here, everything that this package uses is imported before it is
used, without that folder. The user's own modules stay what they are.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import os
import pkgutil
import sys
import threading
from collections.abc import Iterator, Sequence, Set
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType

from parallel_provider.late import import_all

_FOLDER = Path(__file__).parent
PACKAGE_FILE = str(_FOLDER / "__init__.py")
# What a run may import after its first request.
_PACKAGES = ("", "api", "credentials", "dynamic", "lifecycle")
# The dependencies import these if they are there.
_OPTIONAL = ("brotli", "brotlicffi", "h2", "sniffio", "socksio", "tornado", "trio", "zstandard")
# The standard library and httpx import these when they are first needed: for a host's name, a
# connection, a traceback.
_LATE = ("encodings.idna", "httpcore", "linecache", "traceback")
# httpx imports these for each connection, so the project's modules of these names don't come back.
_STAY = {"certifi", "httpcore"}
_lock = threading.Lock()


def import_paths() -> list[str]:
    """Return `sys.path` in an order in which no module of the user's project comes first.

    The standard library and the installed packages come first, then what `PYTHONPATH` names. The
    program's folder is left out, unless this package itself is in it: then it is the last.
    """
    before, rest = _before_standard_library()
    program = os.path.realpath("")
    others = [entry for entry in before if os.path.realpath(entry) != program]
    return list(
        dict.fromkeys(
            [*rest, *(str(Path(entry).absolute()) for entry in others), str(_FOLDER.parent)]
        )
    )


@functools.cache
def import_own_modules() -> None:
    """Import what this package uses. Does nothing if no module of the project is in the way."""
    hidden = _modules_in_the_way()
    if not hidden:
        return
    with _lock, _without(hidden):
        for name in _LATE:
            importlib.import_module(name)
        import_all()
        for package in _PACKAGES:
            for module in pkgutil.iter_modules([str(_FOLDER / package)]):
                if not module.ispkg:
                    name = ".".join(filter(None, (_FOLDER.name, package, module.name)))
                    importlib.import_module(name)


def _before_standard_library() -> tuple[list[str], list[str]]:
    """Return the part of `sys.path` that is searched before the standard library, and the rest."""
    standard = str(Path(os.__file__).parent)
    end = sys.path.index(standard) if standard in sys.path else 0
    if end and sys.path[end - 1].endswith(".zip"):  # the standard library's archive
        end -= 1
    return sys.path[:end], sys.path[end:]


def _modules_in_the_way() -> dict[str, str]:
    """Return the modules that one of the project hides, or has hidden before, and their files.

    After the program's last line, its folder isn't on `sys.path` any more, and its modules are
    still loaded.
    """
    before, _ = _before_standard_library()
    paths = import_paths()
    files = {name: _file_of(name) for name in list(sys.modules) if "." not in name}
    found = {name: file for name, file in files.items() if file and _folder_of(file) not in paths}
    for module in pkgutil.iter_modules(before):
        spec = PathFinder.find_spec(module.name, before)
        if spec and spec.origin:
            found[module.name] = os.path.realpath(spec.origin)
    found.pop("__main__", None)  # imported by its name, it is the program on any path
    hidden = {}
    for name, file in found.items():
        own = PathFinder.find_spec(name, paths)
        if own and own.origin and os.path.realpath(own.origin) != file:
            hidden[name] = os.path.realpath(own.origin)
        elif own is None and name in _OPTIONAL:
            hidden[name] = ""
    return hidden


@contextlib.contextmanager
def _without(hidden: dict[str, str]) -> Iterator[None]:
    """Import in this thread as if nothing hid these modules.

    Afterwards, it does again, except for the modules that httpx imports for each connection.
    """
    theirs = _loaded({name for name, file in hidden.items() if _file_of(name) != file})
    kept = _loaded(hidden.keys()).keys() - theirs.keys()
    finder = _OwnFinder(import_paths())
    sys.meta_path.insert(0, finder)
    try:
        for name in theirs:
            del sys.modules[name]
        yield
    finally:
        sys.meta_path.remove(finder)
        given_back = hidden.keys() - _STAY
        for name in _loaded(given_back).keys() - kept:
            del sys.modules[name]
        for name, module in theirs.items():
            if name.partition(".")[0] in given_back:
                sys.modules[name] = module


def _loaded(names: Set[str]) -> dict[str, ModuleType]:
    """Return the loaded modules with these names, and those in packages of these names."""
    modules = list(sys.modules.items())
    return {name: module for name, module in modules if name.partition(".")[0] in names}


def _file_of(name: str) -> str:
    file = getattr(sys.modules.get(name), "__file__", None)
    return os.path.realpath(file) if isinstance(file, str) else ""


def _folder_of(file: str) -> str:
    """Return the folder on the path that a module's file, or a package's, is found in."""
    path = Path(file)
    return str(path.parents[1] if path.stem == "__init__" else path.parent)


class _OwnFinder:
    """Finds modules for the thread that made it, on other paths than `sys.path`."""

    def __init__(self, paths: list[str]) -> None:
        self._paths = paths
        self._thread = threading.get_ident()

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,
        target: ModuleType | None = None,
    ) -> ModuleSpec | None:
        """Find a module that is in no package; leave all others to the usual finders."""
        if path is not None or threading.get_ident() != self._thread:
            return None
        own = PathFinder.find_spec(fullname, self._paths, target)
        if own is not None:
            return own
        for finder in sys.meta_path:  # such as that of an editable installation
            if finder not in (self, PathFinder):
                spec = finder.find_spec(fullname, path, target)
                if spec is not None:
                    return spec
        raise ModuleNotFoundError(f"No module named {fullname!r}", name=fullname)
