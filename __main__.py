"""Runs examples/quickstart, for `pulumi up` at the root of a checkout.

Pulumi's `main:` would do the same, but looks for the virtual environment beside the program too.
"""

import runpy
from pathlib import Path

runpy.run_path(str(Path(__file__).parent / "examples" / "quickstart" / "__main__.py"))
