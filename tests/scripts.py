"""Scripts for this Python, whatever its path is."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

# A shell starts Python here, since the path in a `#!` line can't have spaces. For Python, it is a
# text: pip writes its scripts in the same way.
FIRST_LINES = f"#!/bin/sh\n'''exec' {shlex.quote(sys.executable)} \"$0\" \"$@\"\n' '''\n"


def write_script(path: Path, source: str) -> Path:
    """Write an executable Python script, without a docstring, and return it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(FIRST_LINES + source)
    path.chmod(0o755)
    return path


def python(*arguments: str) -> str:
    """Return a command for this Python as the text of a setting."""
    return shlex.join([sys.executable, *arguments])
