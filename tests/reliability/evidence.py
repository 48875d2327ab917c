"""What shows that an operation has had its effect: the server's records, and the state.

Each function gets the world after the run without a fault. Without this, an operation that never
happens would pass for one that survives every fault.
"""

from __future__ import annotations

from tests.reliability.engine import Resource
from tests.reliability.world import World


def app_is_new(world: World) -> bool:
    """The app of the state was created by this run or the one before it."""
    [kept] = _kept(world, "App")
    return kept.resource_id in _app_ids(world) - world.at_first - world.by_console


def app_is_adopted(world: World) -> bool:
    """The app of the state is the one that the console had."""
    [kept] = _kept(world, "App")
    return kept.resource_id in world.by_console & _app_ids(world)


def key_is_there(world: World) -> bool:
    """The key of the state works."""
    [kept] = _kept(world, "ApiKey")
    return _revoked_at(world)[kept.resource_id] is None


def key_is_replaced(world: World) -> bool:
    """The first key is revoked, and another one is in the state."""
    first, *_ = _revoked_at(world)
    [kept] = _kept(world, "ApiKey")
    return key_is_there(world) and first != kept.resource_id and _is_revoked(world, first)


def key_is_rotated(world: World) -> bool:
    """The second generation is current, and the first one is its previous key. Both work."""
    [kept] = _kept(world, "RotatingApiKey")
    first, *others = _revoked_at(world)
    return (
        kept.outputs["generation"] == 2
        and kept.outputs["api_key_id"] in others
        and kept.outputs["previous_api_key_id"] == first
        and not any(
            _is_revoked(world, kept.outputs[f"{which}api_key_id"]) for which in ("", "previous_")
        )
    )


def previous_key_is_revoked(world: World) -> bool:
    """The first generation is revoked, and the second one isn't."""
    [kept] = _kept(world, "RotatingApiKey")
    first, second = _revoked_at(world)
    return (
        _is_revoked(world, first)
        and not _is_revoked(world, second)
        and (kept.outputs["api_key_id"], kept.outputs["generation"]) == (second, 2)
        and kept.outputs.get("previous_api_key_id") is None
    )


def key_is_deleted(world: World) -> bool:
    """The only key is revoked, and the state has none."""
    [key_id] = _revoked_at(world)
    return _is_revoked(world, key_id) and not _kept(world, "ApiKey")


def app_is_deleted(world: World) -> bool:
    """Only the apps of the beginning are left, and the state has none."""
    return _app_ids(world) == world.at_first and not _kept(world, "App")


def is_charged(world: World) -> bool:
    """There was one charge. The state has it, or a message named it."""
    [charge] = world.emulator.state()["charges"]
    [kept] = _kept(world, "BalanceTopUp")
    key = charge["idempotency_key"]
    return key == kept.outputs.get("last_idempotency_key") or key in world.text()


def nothing_is_charged(world: World) -> bool:
    """There was no charge, and the state has none."""
    [kept] = _kept(world, "BalanceTopUp")
    return world.emulator.state()["charges"] == [] and kept.outputs["charges"] == 0


def app_and_key_are_read(world: World) -> bool:
    """Both are in the state, and both are there."""
    return app_is_new(world) and key_is_there(world)


def was_answered(world: World) -> bool:
    """The last request had an answer without a fault, and the run no error."""
    last = world.emulator.state()["log"][-1]
    return (last["status"], last["fault"], world.runs[-1].error) == (200, None, None)


def _kept(world: World, kind: str) -> list[Resource]:
    return [resource for resource in world.stack.all if resource.kind == kind]


def _app_ids(world: World) -> set[str]:
    return {app["app_id"] for app in world.emulator.state()["apps"]}


def _revoked_at(world: World) -> dict[str, float | None]:
    """Return when each key was revoked, oldest key first."""
    return {key["api_key_id"]: key["revoked_at"] for key in world.emulator.state()["keys"]}


def _is_revoked(world: World, key_id: str) -> bool:
    return _revoked_at(world)[key_id] is not None
