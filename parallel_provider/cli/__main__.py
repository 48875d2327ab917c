"""`python -m parallel_provider.cli`."""

from __future__ import annotations

import sys

from parallel_provider.cli import main

sys.exit(main())
