"""Fixtures of the scenarios: `project` runs each on both engines and with both providers.

These are the dynamic provider and the native plugin. `@pytest.mark.providers("dynamic")` is for a
scenario, or a module of them, that is about one of the two.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from parallel_provider.testing.emulator import Emulator
from tests.engines import Project, engine
from tests.engines import project as bare_project
from tests.forked import forked
from tests.leaks import assert_no_leaks
from tests.native.providers import ProviderKind, install_sdk, plugin_executable

__all__ = ["bare_project", "engine", "forked", "project"]


# The scenarios whose native half is in every run: what the two don't share (names, checks,
# diffs, secrets, settings, functions) shows in these. The native half of the others is slow.
_NATIVE_IN_EVERY_RUN = {
    "test_api_key",
    "test_app",
    "test_balance_top_up_identity",
    "test_data_sources",
    "test_held_elsewhere",
    "test_rotating_api_key",
    "test_secret_inputs",
    "test_settings",
    "test_texts",
}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run scenarios with the providers that their mark names, or with both."""
    if "provider_kind" not in metafunc.fixturenames:
        return
    mark = metafunc.definition.get_closest_marker("providers")
    kinds = mark.args if mark else ("dynamic", "native")
    always = metafunc.module.__name__.rpartition(".")[2] in _NATIVE_IN_EVERY_RUN
    slow = () if always else (pytest.mark.slow,)
    params = [pytest.param(d, marks=slow if d == "native" else ()) for d in kinds]
    metafunc.parametrize("provider_kind", params)


@pytest.fixture
def project(
    bare_project: Project,
    provider_kind: ProviderKind,
    emulator: Emulator,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Project]:
    """Give an empty project whose programs and providers call only the emulator.

    After each scenario, check that no secret has leaked.
    """
    for name in [name for name in os.environ if name.startswith("PARALLEL_")]:
        monkeypatch.delenv(name)
    # A test must not find the sign-in of a real user.
    bare_project.env["PARALLEL_AUTH_FILE"] = str(tmp_path / "auth.json")
    bare_project.env |= emulator.environment
    if provider_kind == "native":
        bare_project.provider = provider_kind
        bare_project.plugins["parallel"] = plugin_executable()
        install_sdk(bare_project.folder)
    yield bare_project
    assert_no_leaks(bare_project, emulator)
