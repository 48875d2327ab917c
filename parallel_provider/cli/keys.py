"""`parallel-provider keys`: the keys of a stack, and what happens to each of them next.

It reads an exported state, so it needs neither Pulumi nor an access token, and decrypts nothing.
"""

from __future__ import annotations

import dataclasses
import json
import math
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, BinaryIO

import click
from pydantic import Field, ValidationError

from parallel_provider.cli import examples
from parallel_provider.cli.output import print_json, print_table, say, table_fits
from parallel_provider.errors import ParallelError
from parallel_provider.lifecycle.declare import Declared, Duration, format_duration
from parallel_provider.lifecycle.keys import RetiredKey
from parallel_provider.model import Integer, why
from parallel_provider.sendable import SIGNATURE

_OVERDUE_STATUS = 3
_TYPES = tuple(
    f"{start}:{kind}"
    for start in ("pulumi-python:dynamic/parallel", "parallel:index")
    for kind in ("ApiKey", "RotatingApiKey")
)
_HEADINGS = ("APP", "KEY", "GENERATION", "AGE", "NEXT", "WAITING")
_BAR_DAYS = 28
_DAY = 86_400


class _Outputs(Declared):
    """What the state of a key, of either door, has that isn't a secret."""

    app_name: str
    api_key_id: str
    api_key_name: str
    created_at: Integer
    raw_api_key_fingerprint: str = ""
    delivered: Annotated[tuple[str, ...], Field(strict=False)] = ()
    generation: Integer | None = None
    overlap: Duration = Duration("0s")
    next_rotation_at: Integer | None = None
    previous_api_key_name: str | None = None
    previous_expires_at: Integer | None = None
    keys_to_revoke: Annotated[tuple[RetiredKey, ...], Field(strict=False)] = ()


@dataclass(frozen=True)
class Key:
    """The key of one resource, and what waits. Times are epoch seconds.

    `next` says what the first run from `next_at` on does; both are None if nothing is planned.
    `is_delivered` is None without a `deliver_command`, and without a raw key.
    """

    stack: str
    resource: str
    app_name: str
    api_key_id: str
    api_key_name: str
    generation: int | None
    created_at: int
    next_rotation_at: int | None
    previous_api_key_name: str | None
    previous_expires_at: int | None
    keys_to_revoke: tuple[str, ...]
    is_delivered: bool | None
    next: str | None
    next_at: int | None
    is_overdue: bool


def keys_of(export: Mapping[str, Any], now: float, late_after: float) -> list[Key]:
    """Return the keys of an exported stack, sorted by what happens next.

    A key is overdue if a run should have done something more than `late_after` seconds ago. Raises
    ParallelError if it isn't an exported stack.
    """
    try:
        resources = export["deployment"].get("resources") or []
        found = [_key_of(each, now, late_after) for each in resources if each.get("type") in _TYPES]
    except (KeyError, TypeError, AttributeError):
        raise ParallelError(
            "this isn't an exported stack: give the output of `pulumi stack export`"
        ) from None
    return sorted(found, key=lambda key: (key.next_at is None, key.next_at, key.resource))


def _key_of(resource: Mapping[str, Any], now: float, late_after: float) -> Key:
    urn = str(resource["urn"])
    stack, name = urn.split("::", maxsplit=1)[0].rpartition(":")[2], urn.rpartition("::")[2]
    try:
        outputs = _Outputs.model_validate(_without_secrets(resource.get("outputs") or {}))
    except ValidationError as error:
        raise ParallelError(f"the state of {name!r} can't be read ({why(error)})") from None
    inputs = resource.get("inputs") or {}
    delivers = any(inputs.get(name) for name in ("deliver_command", "deliverCommand"))
    # An imported key without its raw key has no fingerprint, and nothing to deliver.
    fingerprint = outputs.raw_api_key_fingerprint
    is_delivered = fingerprint in outputs.delivered if delivers and fingerprint else None
    events = list(_events(outputs, is_leaving=bool(resource.get("delete")), now=now))
    if is_delivered is False:
        events.append((math.floor(now), "delivers the key"))
    events.sort()
    next_at, what = events[0] if events else (None, None)
    return Key(
        stack=stack,
        resource=name,
        app_name=outputs.app_name,
        api_key_id=outputs.api_key_id,
        api_key_name=outputs.api_key_name,
        generation=outputs.generation,
        created_at=outputs.created_at,
        next_rotation_at=outputs.next_rotation_at,
        previous_api_key_name=outputs.previous_api_key_name,
        previous_expires_at=outputs.previous_expires_at,
        keys_to_revoke=tuple(key.api_key_name for key in outputs.keys_to_revoke),
        is_delivered=is_delivered,
        next=what,
        next_at=next_at,
        is_overdue=any(at + late_after < now for at, _ in events),
    )


def _events(outputs: _Outputs, *, is_leaving: bool, now: float) -> Iterator[tuple[int, str]]:
    """Yield what runs will do with a key, each with the time from which on it is due."""
    if is_leaving:
        yield math.floor(now), "revokes this replaced key"
        return
    if outputs.next_rotation_at is not None:
        yield outputs.next_rotation_at, "rotates it"
    if outputs.previous_expires_at is not None:
        yield outputs.previous_expires_at, f"revokes {outputs.previous_api_key_name!r}"
    for key in outputs.keys_to_revoke:
        due_at = key.retired_at + outputs.overlap.seconds if key.retired_at else now
        yield math.floor(due_at), f"revokes {key.api_key_name!r}"


def _without_secrets(outputs: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: "[secret]" if isinstance(value, dict) and SIGNATURE in value else value
        for name, value in outputs.items()
    }


@click.command(
    epilog=examples(
        "pulumi stack export | parallel-provider keys",
        "parallel-provider keys production.json staging.json --json",
    ),
    short_help="Show a stack's keys, and what happens to them next.",
)
@click.argument("states", type=click.File("rb"), nargs=-1)
@click.option(
    "--late-after",
    default="26h",
    show_default=True,
    help="How long after its time something may still wait for the nightly run.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON; times are epoch seconds.")
def keys(states: tuple[BinaryIO, ...], *, late_after: str, as_json: bool) -> None:
    """Show the keys of stacks, and what happens to each of them next.

    STATES are files with the output of `pulumi stack export`; without them, standard input is read.
    Nothing is decrypted, and no access token is needed. Ends with status 3 if a key is overdue: a
    run that should have rotated or revoked something hasn't come.
    """
    try:
        seconds = Duration(late_after).seconds
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--late-after") from None
    if not states and sys.stdin.isatty():
        raise click.UsageError("give it a state: `pulumi stack export | parallel-provider keys`")
    now = time.time()
    found = [
        key
        for file in states or (sys.stdin.buffer,)
        for key in keys_of(_parsed(file), now, seconds)
    ]
    if as_json:
        print_json([dataclasses.asdict(key) for key in found])
    else:
        _print(found, now)
    overdue = [f"{key.resource} of {key.stack}" for key in found if key.is_overdue]
    if overdue:
        say(f"Overdue: {', '.join(overdue)}. Run `pulumi up`, and see why the last runs didn't.")
        click.get_current_context().exit(_OVERDUE_STATUS)


def _parsed(file: BinaryIO) -> Mapping[str, Any]:
    try:
        parsed: Mapping[str, Any] = json.load(file)
    except (ValueError, RecursionError):
        raise ParallelError(
            f"{file.name} isn't JSON: give the output of `pulumi stack export`"
        ) from None
    return parsed


def _print(found: Iterable[Key], now: float) -> None:
    stacks = len({key.stack for key in found}) > 1
    headings = (*(("STACK",) if stacks else ()), *_HEADINGS)
    rows = [(*((key.stack,) if stacks else ()), *_cells(key, now)) for key in found]
    with_bars = [(*row, bar(key, now)) for row, key in zip(rows, found, strict=True)]
    bars = (*headings, f"NEXT {_BAR_DAYS} DAYS")
    if rows and table_fits(bars, with_bars):
        print_table(bars, with_bars)
    else:
        print_table(headings, rows)


def _cells(key: Key, now: float) -> tuple[str, ...]:
    return (
        key.app_name,
        key.api_key_name,
        "" if key.generation is None else str(key.generation),
        format_duration(now - key.created_at),
        _next_text(key, now),
        ", ".join(_waiting(key)),
    )


def _next_text(key: Key, now: float) -> str:
    if key.next is None or key.next_at is None:
        return ""
    if key.next_at > now:
        return f"in {format_duration(key.next_at - now)} a run {key.next}"
    late = f", due for {format_duration(now - key.next_at)}" if key.is_overdue else ""
    return f"the next run {key.next}{late}"


def _waiting(key: Key) -> Iterator[str]:
    if key.previous_api_key_name is not None:
        yield f"previous: {key.previous_api_key_name}"
    if key.keys_to_revoke:
        yield f"to revoke: {' '.join(key.keys_to_revoke)}"
    if key.is_delivered is False:
        yield "not delivered"


def bar(key: Key, now: float) -> str:
    """Return a character a day: both keys work, the current one alone, or a rotation is due."""
    rotation = math.inf if key.next_rotation_at is None else key.next_rotation_at
    expiry = -math.inf if key.previous_expires_at is None else key.previous_expires_at
    days = [now + day * _DAY for day in range(_BAR_DAYS)]
    return "".join("·" if at >= rotation else "▓" if at < expiry else "░" for at in days)
