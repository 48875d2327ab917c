"""A recorded state, and an account that matches it."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from pulumi.automation import Deployment

from parallel_provider.testing.emulator import Emulator
from tests.engines import Project
from tests.native.providers import ProviderKind, in_dynamic_form, install_sdk, plugin_executable
from tests.scenarios.clock import Clock

HERE = Path(__file__).parent
MAX_TOP_UP_CENTS = "2000"
_FILES: dict[ProviderKind, str] = {"dynamic": "state.json", "native": "native_state.json"}


@dataclass(frozen=True)
class RecordedState:
    """The state of a version's program, with one of the two providers."""

    version: str
    provider: ProviderKind

    @property
    def path(self) -> Path:
        """The file of the state."""
        return HERE / self.version / _FILES[self.provider]

    @property
    def resources(self) -> list[dict[str, Any]]:
        """The project's resources in the state, in its order, in the dynamic provider's form."""
        resources = json.loads(self.path.read_text())["deployment"]["resources"]
        types = ("pulumi-python:dynamic/parallel:", "parallel:index:")
        return [in_dynamic_form(r) for r in resources if r["type"].startswith(types)]

    def write_program(self, project: Project) -> None:
        """Write the version's program into the project, for this provider."""
        project.provider = self.provider
        project.write((HERE / self.version / "__main__.py").read_text())
        if self.provider == "native":
            project.plugins["parallel"] = plugin_executable()
            install_sdk(project.folder)

    def continue_in(self, project: Project, emulator: Emulator) -> None:
        """Continue the project where the recording ended: same program, account, state and time."""
        outputs = [resource["outputs"] for resource in self.resources]
        self.write_program(project)
        project.env.update(emulator.environment)
        project.env["PARALLEL_MAX_TOP_UP_CENTS"] = MAX_TOP_UP_CENTS
        emulator.set_org(org_id=outputs[0]["org_id"], credit_balance_cents=int(MAX_TOP_UP_CENTS))
        ended_at = max(known["created_at"] for known in outputs if "created_at" in known)
        Clock(project, emulator).forward(seconds=ended_at - time.time())
        text = self.path.read_text()
        # The server chooses the ids, so the recorded ids are replaced with new ones.
        for old, new in _created_again(outputs, emulator).items():
            text = text.replace(old, new)
        state = json.loads(text)
        if project.engine == "pulumi":
            state["deployment"]["secrets_providers"] = _encryption(project)
        project.stack.import_stack(Deployment(state["version"], state["deployment"]))


RECORDED = [
    RecordedState(path.parent.name, provider)
    for provider, name in _FILES.items()
    for path in sorted(HERE.glob(f"*/{name}"))
]


def _encryption(project: Project) -> dict[str, Any]:
    """Return the encryption for imported secrets: the same as in the stack."""
    settings = project.stack.workspace.stack_settings(project.stack.name)
    return {"type": "passphrase", "state": {"salt": settings.encryption_salt}}


def _created_again(outputs: list[dict[str, Any]], emulator: Emulator) -> dict[str, str]:
    """Create the recorded apps and keys again. Return the new ids by the old ones."""
    ids: dict[str, str] = {}
    headers = {"Authorization": f"Bearer {emulator.access_token}"}
    base_url = f"{emulator.url}/service/v1"
    with httpx.Client(base_url=base_url, headers=headers, trust_env=False) as api:
        for known in outputs:
            if "api_key_id" in known:
                path = f"/apps/{ids[known['app_id']]}/keys"
                for prefix in ("", "previous_"):
                    if old := known.get(f"{prefix}api_key_id"):
                        name = known[f"{prefix}api_key_name"]
                        answer = api.post(path, json={"api_key_name": name}).raise_for_status()
                        ids[old] = answer.json()["api_key_id"]
            elif "app_id" in known:
                answer = api.post("/apps", json={"app_name": known["app_name"]}).raise_for_status()
                ids[known["app_id"]] = answer.json()["app_id"]
    return ids
