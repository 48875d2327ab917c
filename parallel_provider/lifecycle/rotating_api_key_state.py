"""The inputs and the state of a rotating key."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated, Any

from pydantic import Field, SecretStr

from parallel_provider.lifecycle.app_key import KeyInputs, KeyState
from parallel_provider.lifecycle.declarations import OnChange, Problem, Props
from parallel_provider.lifecycle.durations import parse_duration
from parallel_provider.lifecycle.field_types import Duration, JsonLike
from parallel_provider.lifecycle.one_time_secret import SecretId, fingerprint
from parallel_provider.lifecycle.rotation import RetiredKey, generation_name
from parallel_provider.lifecycle.unknown import UNKNOWN
from parallel_provider.model import Integer
from parallel_provider.printable import field_name

_DEFAULT_OVERLAP = "1d"


class RotatingApiKeyInputs(KeyInputs):
    """What a program says about a rotating key."""

    rotate_after: Annotated[Duration, OnChange("changes `next_rotation_at`")] = Field(
        description="The first `pulumi up` after the key has this age rotates it in place: "
        '"90d", "12h", "1d12h", "P30D".'
    )
    overlap: Annotated[Duration, OnChange("changes `previous_expires_at`")] = Field(
        default=_DEFAULT_OVERLAP,
        description="How long the previous key keeps working after a rotation, at most "
        "`rotate_after`.",
    )
    triggers: Annotated[
        JsonLike, OnChange('rotates at once; with `overlap` "0s", the same run revokes the old key')
    ] = Field(default=None, description="Any JSON-like value.")

    @classmethod
    def problems_between(cls, given: Props, valid: Props) -> Iterator[Problem]:
        """Refuse an overlap that is longer than `rotate_after`."""
        rotate_after, overlap = seconds(valid.get("rotate_after")), seconds(valid.get("overlap"))
        if rotate_after == 0:
            yield Problem("rotate_after", "must be longer than 0 seconds")
        elif rotate_after is not None and overlap is not None and overlap > rotate_after:
            longest = valid["rotate_after"]
            reason = f"must be at most {field_name('rotate_after')} ({longest})"
            if valid["overlap"] == _DEFAULT_OVERLAP:
                reason += f', and is {_DEFAULT_OVERLAP} if it isn\'t set: set it to "{longest}"'
            yield Problem("overlap", reason)
        yield from super().problems_between(given, valid)


class RotatingApiKeyState(KeyState):
    """The outputs of a rotating key: the current key, the previous one, and the times of both.

    Times are epoch seconds, by the server's clock. `created_at` is the current key's.
    """

    generation: Integer = Field(default=1, description="The current key's number, counted from 1.")
    rotate_after: str = Field(description="The value of the input `rotate_after`.")
    overlap: str = Field(description="The value of the input `overlap`.")
    next_rotation_at: Integer = Field(
        description="From then on, a run rotates the key by its age. In epoch seconds."
    )
    previous_api_key_id: str | None = Field(
        default=None, description="The id of the previous key, until it is revoked."
    )
    previous_api_key_name: str | None = Field(default=None, description="The previous key's name.")
    previous_raw_api_key: SecretStr | None = Field(default=None, description="The previous key.")
    previous_expires_at: Integer | None = Field(
        default=None, description="From then on, a run revokes the previous key. In epoch seconds."
    )
    keys_to_revoke: Annotated[tuple[RetiredKey, ...], Field(strict=False)] = Field(
        default=(), description="Older keys that aren't revoked yet."
    )

    @property
    def held_keys(self) -> tuple[SecretId, ...]:
        """All its keys that aren't revoked yet, the current one first."""
        return (*super().held_keys, *map(self.secret_id, self.retired_keys))

    def secret_id(self, key: RetiredKey) -> SecretId:
        """Return one of its retired keys as a secret that can be revoked."""
        is_previous = key.api_key_id == self.previous_api_key_id
        raw = self.previous_raw_api_key if is_previous else None
        return SecretId(key.api_key_id, key.api_key_name, fingerprint(raw))

    @property
    def retired_keys(self) -> tuple[RetiredKey, ...]:
        """All keys except the current one that aren't revoked yet, the newest first."""
        if self.previous_api_key_id is None:
            return self.keys_to_revoke
        previous = RetiredKey(
            api_key_id=self.previous_api_key_id,
            api_key_name=self.previous_api_key_name or "",
            retired_at=self.created_at,
        )
        return (previous, *self.keys_to_revoke)

    def input_value(self, name: str) -> object:
        """Return the value of an input in the last run; a generation's number isn't in its name."""
        value = super().input_value(name)
        if name != "api_key_name" or not isinstance(value, str):
            return value
        return value.removesuffix(generation_name("", self.generation))

    def of_generation_in(self, api_key_name: object) -> RotatingApiKeyState:
        """Return the state with the number that its name has after `api_key_name`, if it has one.

        A key that another stack has rotated is imported with such a name.
        """
        number = self.api_key_name.removeprefix(f"{api_key_name}-")
        if not number.isdecimal() or generation_name(str(api_key_name), int(number)) != (
            self.api_key_name
        ):
            return self
        return self.model_copy(update={"generation": int(number)})

    def rotated_to(self, outputs: dict[str, Any]) -> RotatingApiKeyState:
        """Return the state with a new current key; the present one becomes the previous key.

        `outputs` are those of the new key.
        """
        retired_ids = {self.api_key_id, *(key.api_key_id for key in self.retired_keys)}
        creators = {key: mark for key, mark in self.creators.items() if key in retired_ids}
        delivered = tuple(each for each in self.delivered if each == self.raw_api_key_fingerprint)
        return self.model_copy(
            update={
                **outputs,
                "creators": {**creators, **outputs["creators"]},
                "delivered": delivered,
                "generation": self.generation + 1,
                "previous_api_key_id": self.api_key_id,
                "previous_api_key_name": self.api_key_name,
                "previous_raw_api_key": self.raw_api_key,
                "keys_to_revoke": self.retired_keys,
            }
        )

    def with_stray(
        self, api_key_id: str, api_key_name: str, creators: dict[str, str]
    ) -> RotatingApiKeyState:
        """Return the state with a key that nobody has, and that the next run revokes."""
        stray = RetiredKey(api_key_id=api_key_id, api_key_name=api_key_name, retired_at=0)
        return self.model_copy(
            update={
                "keys_to_revoke": (*self.keys_to_revoke, stray),
                "creators": {**self.creators, **creators},
            }
        )

    def expect_rotation(self, name: str, *, overlaps: bool) -> dict[str, Any]:
        """Return the outputs after a rotation: UNKNOWN if only the server can decide them."""
        new = {**dict.fromkeys(KeyState.model_fields, UNKNOWN), "creators": {}}
        kept = {
            field: getattr(self, field) for field in ("app_id", "app_name", "org_id", "seen_by")
        }
        expected = dict(self.rotated_to({**new, **kept, "api_key_name": name}))
        unknown = ("next_rotation_at", "previous_expires_at", "creators")
        expected |= dict.fromkeys(unknown, UNKNOWN)
        if not overlaps:
            expected |= {name: None for name in expected if name.startswith("previous_")}
        return expected

    def without(
        self, revoked: Sequence[RetiredKey], failed: Sequence[RetiredKey]
    ) -> RotatingApiKeyState:
        """Return the state without revoked keys. Keys that failed are in `keys_to_revoke`."""
        left = [key for key in self.retired_keys if key not in revoked]
        state = self
        if any(key.api_key_id == self.previous_api_key_id for key in (*revoked, *failed)):
            state = state.model_copy(
                update={
                    "previous_api_key_id": None,
                    "previous_api_key_name": None,
                    "previous_raw_api_key": None,
                }
            )
        older = tuple(key for key in left if key.api_key_id != state.previous_api_key_id)
        return state.model_copy(update={"keys_to_revoke": older})

    def with_durations(self, rotate_after: str, overlap: str) -> RotatingApiKeyState:
        """Return the state with these durations, and the times that follow from them."""
        previous_expires_at = (
            None if self.previous_api_key_id is None else self.created_at + parse_duration(overlap)
        )
        return self.model_copy(
            update={
                "rotate_after": rotate_after,
                "overlap": overlap,
                "next_rotation_at": self.created_at + parse_duration(rotate_after),
                "previous_expires_at": previous_expires_at,
            }
        )


def seconds(duration: object) -> int | None:
    """Return the seconds of a valid duration; None if it isn't valid."""
    return parse_duration(duration) if isinstance(duration, str) else None
