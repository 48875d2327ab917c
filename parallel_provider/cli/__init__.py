"""The command line, `parallel-provider`: one file a command.

Results go to standard output; everything else (progress, warnings, errors) to standard error. Exit
codes: 0 done, 1 failed, 2 called in a wrong way, 130 ended by Ctrl-C. Nothing here imports Pulumi.
"""

from __future__ import annotations

from parallel_provider.cli.program import main

__all__ = ["main"]
