"""Typed values of JSON-like data, and what they keep to themselves."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from pydantic import SecretStr

from parallel_provider.typed import read_as, reveal

HUSH = "hush-hush"


class Inner(msgspec.Struct, frozen=True):
    """A part."""

    secret: SecretStr


class Outer(msgspec.Struct, frozen=True, kw_only=True):
    """A whole."""

    name: str
    count: int = 0
    secret: SecretStr | None = None
    inner: tuple[Inner, ...] = ()


WHOLE = {"name": "n", "count": 2, "secret": HUSH, "inner": [{"secret": HUSH}]}


def test_what_is_read_is_what_is_revealed() -> None:
    """Also nested, and as JSON has it."""
    assert json.loads(json.dumps(reveal(read_as(Outer, WHOLE)))) == WHOLE


def test_whole_floats_are_integers() -> None:
    """Over Pulumi's wire all numbers are floats."""
    count = read_as(Outer, {"name": "n", "count": 2.0, "new": "is ignored"}).count
    assert (count, type(count)) == (2, int)


def test_secret_does_not_show() -> None:
    """Neither by itself, nor in a struct, nor where only plain data is asked for."""
    whole = read_as(Outer, WHOLE)
    shown = [repr(whole), str(whole), f"{whole.secret}", repr(msgspec.structs.asdict(whole))]
    assert not any(HUSH in text for text in shown)
    with pytest.raises((TypeError, NotImplementedError)) as refusal:
        msgspec.json.encode(whole)
    assert HUSH not in str(refusal.value)


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"name": [HUSH]}, "$.name"),
        ({"count": HUSH}, "$.count"),
        ({"count": 1.5}, "$.count"),
        ({"secret": [HUSH]}, "$.secret"),
        ({"inner": [{"secret": 7}]}, "$.inner[0].secret"),
        ({"inner": [{}]}, "$.inner[0]"),
    ],
)
def test_error_names_the_place_and_not_the_value(change: dict[str, Any], place: str) -> None:
    """A value in the wrong place may be a secret."""
    with pytest.raises(msgspec.ValidationError) as error:
        read_as(Outer, {**WHOLE, **change})
    assert str(error.value).endswith(f"at `{place}`")
    assert HUSH not in str(error.value)


def test_secrets_compare_by_value() -> None:
    """So that a token can be told from another."""
    assert SecretStr(HUSH) == SecretStr(HUSH)
    assert SecretStr(HUSH) != SecretStr("other")
    assert SecretStr(HUSH) != HUSH
    assert len({SecretStr(HUSH), SecretStr(HUSH)}) == 1
    assert not SecretStr("")
