"""`python -m parallel_provider.emulator`: the command without the rest of the command line."""

from __future__ import annotations

from .command import emulator

if __name__ == "__main__":
    emulator(prog_name="python -m parallel_provider.emulator")
