"""Record the state that a version leaves behind, for the tests of all later ones.

    python -m tests.upgrades.record v0_1_0

It runs the program in that folder with Pulumi, which must be on PATH, against an emulator, until a
key was rotated and a charge was made. Then it writes `state.json` beside the program, and likewise
`native_state.json` with the native plugin (`… v0_1_0 native` writes that alone). The secrets
are test data in plain text, as in `pulumi stack export --show-secrets`, so any engine can import
them.
For a new version, copy the folder of the last one, record it before the release, and don't change
the older folders.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from parallel_provider.testing.emulator import Emulator
from tests.engines import Project
from tests.native.providers import ProviderKind
from tests.upgrades.recorded import MAX_TOP_UP_CENTS, RecordedState

_MORE_THAN_A_MONTH = 31 * 86_400

# Paths on the machine of the recording, and the encryption of its secrets.
_MACHINE_SPECIFIC = {"sourcePosition", "stackTrace", "secrets_providers"}


def record(recorded: RecordedState) -> None:
    """Run the program of a version and write down its state."""
    with Emulator() as emulator, tempfile.TemporaryDirectory() as folder:
        program = Path(folder) / "program"
        program.mkdir()
        project = Project(program, "pulumi")
        recorded.write_program(project)
        project.env.update(emulator.environment)
        project.env["PARALLEL_MAX_TOP_UP_CENTS"] = MAX_TOP_UP_CENTS
        emulator.set_clock(-_MORE_THAN_A_MONTH)
        project.up()
        emulator.set_clock(0)
        project.up()
        exported = project.stack.export_stack()
    state = {"version": exported.version, "deployment": _without_traces(exported.deployment)}
    recorded.path.write_text(json.dumps(state, indent=2) + "\n")


def _without_traces(value: Any) -> Any:  # noqa: ANN401 - JSON
    if isinstance(value, dict):
        kept = {key: item for key, item in value.items() if key not in _MACHINE_SPECIFIC}
        return {key: _without_traces(item) for key, item in kept.items()}
    return [_without_traces(item) for item in value] if isinstance(value, list) else value


if __name__ == "__main__":
    kinds: tuple[ProviderKind, ...] = ("dynamic", "native")
    for kind in kinds:
        if kind in (sys.argv[2:] or kinds):
            record(RecordedState(sys.argv[1], kind))
