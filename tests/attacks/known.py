"""Attacks that once succeeded: each is a history, shrunk to what it needs."""

from __future__ import annotations

from dataclasses import replace

from tests.attacks.histories import Step
from tests.attacks.programs import Resource
from tests.reliability.matrix import ADD_BALANCE
from tests.reliability.planned_faults import PlannedFault

_ADOPTED = Resource("App", "a", "native", "adopt", app_name="prod")
_APP = Resource("App", "a", app_name="search")
_KEY = Resource("ApiKey", "k", "native", app="a")
_KEY_BY_ID = Resource("ApiKey", "k", app_text="search", protect=True)
_TOP_UP = Resource("BalanceTopUp", "x")
_LOST_CHARGE = PlannedFault(("POST", ADD_BALANCE), "drop_after", None, times=99, after=0)


def _up(*program: Resource, **more: object) -> Step:
    return Step("up", program, **more)  # type: ignore[arg-type] # the fields of a step


KNOWN: dict[str, list[Step]] = {
    "a rename and another provider": [
        _up(_ADOPTED),
        _up(replace(_ADOPTED, name="b", provider="east")),
    ],
    "from the dynamic door to the native one under another name": [
        _up(replace(_ADOPTED, door="dynamic")),
        _up(replace(_ADOPTED, name="b")),
    ],
    "and back under the same name": [
        _up(_ADOPTED),
        _up(replace(_ADOPTED, door="dynamic")),
    ],
    "two providers adopt one app, and one of them is removed": [
        _up(replace(_ADOPTED, provider="east"), replace(_ADOPTED, name="b", provider="west")),
        _up(replace(_ADOPTED, provider="east")),
    ],
    "a created key is imported under another name": [
        _up(_ADOPTED, _KEY),
        _up(_ADOPTED, replace(_KEY, name="l", how="import", of_key="prod/k")),
    ],
    "a created key is imported under its own name": [
        _up(_ADOPTED, _KEY),
        _up(_ADOPTED, replace(_KEY, how="import", of_key="prod/k")),
    ],
    "a key becomes a rotating one by import": [
        _up(_ADOPTED, _KEY),
        _up(_ADOPTED, replace(_KEY, kind="RotatingApiKey", how="import", of_key="prod/k")),
    ],
    "two resources import one key, and one of them is removed": [
        _up(
            _ADOPTED,
            replace(_KEY, how="import", of_key="prod/colleague"),
            replace(_KEY, name="l", how="import", of_key="prod/colleague"),
        ),
        _up(_ADOPTED, replace(_KEY, how="import", of_key="prod/colleague")),
    ],
    "an app is imported twice, and the first one is removed": [
        _up(replace(_ADOPTED, how="import")),
        _up(replace(_ADOPTED, how="import"), replace(_ADOPTED, name="b", how="import")),
        _up(replace(_ADOPTED, name="b", how="import")),
    ],
    "the app of a protected key is removed": [
        _up(_APP),
        _up(_APP, _KEY_BY_ID),
        _up(_KEY_BY_ID),
    ],
    "the app of a protected key is renamed": [
        _up(_APP),
        _up(_APP, _KEY_BY_ID),
        _up(replace(_APP, app_name="prod"), _KEY_BY_ID),
    ],
    "a person renames an app": [
        _up(_APP, replace(_KEY, door="dynamic")),
        _up(_APP, replace(_KEY, door="dynamic"), refresh=True, console=("rename app", "search")),
        _up(_APP, replace(_KEY, door="dynamic")),
    ],
    "the first of two managers is replaced with delete_before_replace": [
        _up(replace(_ADOPTED, delete_before_replace=True)),
        _up(
            replace(_ADOPTED, delete_before_replace=True),
            replace(_ADOPTED, name="b", door="dynamic"),
        ),
        _up(
            replace(_ADOPTED, app_name="search", delete_before_replace=True),
            replace(_ADOPTED, name="b", door="dynamic"),
        ),
    ],
    "another amount after a charge without an answer": [
        _up(_TOP_UP, fault=_LOST_CHARGE),
        _up(replace(_TOP_UP, version=2)),
    ],
    "another name after a charge without an answer": [
        _up(_TOP_UP, fault=_LOST_CHARGE),
        _up(replace(_TOP_UP, name="y", door="native")),
    ],
}
