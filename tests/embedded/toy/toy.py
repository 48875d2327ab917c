"""A dynamic provider whose resources are files. Programs import it.

`TOY_CLOUD` is a folder. Each thing that exists is a file `ID.json` in it. `journal.jsonl` has one
line for each call of the provider, with its arguments.
"""

from __future__ import annotations

import fcntl
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import pulumi
from pulumi.dynamic import (
    CheckFailure,
    CheckResult,
    ConfigureRequest,
    CreateResult,
    DiffResult,
    ReadResult,
    Resource,
    ResourceProvider,
    UpdateResult,
)

UNKNOWN = "<unknown>"
MEETING_SECONDS = float(os.environ.get("TOY_MEETING_SECONDS", "20"))
Props = dict[str, Any]


def cloud() -> Path:
    """Return the folder of the files."""
    return Path(os.environ["TOY_CLOUD"])


def _journal(operation: str, **what: Any) -> None:  # noqa: ANN401 - JSON
    line = json.dumps({"op": operation, **what}, default=lambda _: UNKNOWN, sort_keys=True) + "\n"
    with (cloud() / "journal.jsonl").open("a") as journal:
        fcntl.flock(journal, fcntl.LOCK_EX)
        journal.write(line)


def _meet(count: int) -> None:
    """Wait until this number of creates has started."""
    until = time.monotonic() + MEETING_SECONDS
    while (cloud() / "journal.jsonl").read_text().count('"op": "create"') < count:
        if time.monotonic() > until:
            raise RuntimeError("the others never came")
        time.sleep(0.02)


def _visible(props: Props) -> Props:
    return {key: value for key, value in props.items() if key != "__provider"}


def _maybe_fail(operation: str, props: Props) -> None:
    if (cloud() / f"fail-{operation}-{props['label']}").exists():
        raise RuntimeError(f"the cloud refuses to {operation} {props['label']}")
    if (cloud() / f"crash-{operation}-{props['label']}").exists():
        os._exit(3)


class ThingProvider(ResourceProvider):
    """Keeps things as files. A new `zone` replaces; other inputs update."""

    serialize_as_secret_always = False

    def configure(self, req: ConfigureRequest) -> None:
        """Write the configuration to the journal."""
        _journal("configure", token=req.config.get("toy:token"), plain=req.config.get("plain"))

    def check(self, _olds: Props, news: Props) -> CheckResult:
        """Refuse the value "bad", and any value if the mode is "refused"."""
        _journal("check", olds=_visible(_olds), news=_visible(news))
        _maybe_fail("check", news)
        failures = []
        if news.get("value") == "bad":
            failures.append(CheckFailure("value", "it must not be bad"))
        if news.get("mode") == "refused":
            failures.append(CheckFailure("value", "REASON"))
            failures.append(CheckFailure("", "ANOTHER"))
        return CheckResult(news, failures)

    def diff(self, _id: str, _olds: Props, _news: Props) -> DiffResult:
        """Compare old outputs and new inputs. In "lazy" mode, leave it to the engine."""
        _journal("diff", id=_id, olds=_visible(_olds), news=_visible(_news))
        _maybe_fail("diff", _news)
        if _news.get("mode") == "lazy":
            return DiffResult()
        keys = ("value", "secret", "zone", "label", "mode")
        changed = [key for key in keys if _olds.get(key) != _news.get(key)]
        return DiffResult(
            changes=bool(changed),
            replaces=[key for key in changed if key in ("zone",)],
            delete_before_replace=_news.get("mode") == "exclusive",
        )

    def create(self, props: Props) -> CreateResult:
        """Create a file."""
        _journal("create", news=_visible(props))
        sys.stderr.write(f"making {props['label']}\n")
        _maybe_fail("create", props)
        time.sleep(props.get("takes") or 0)
        _meet(int(props.get("meets") or 0))
        number = 1
        while True:
            id_ = f"{props['label']}-{number}"
            try:
                (cloud() / f"{id_}.json").touch(exist_ok=False)
                break
            except FileExistsError:
                number += 1
        outs = _visible(props) | {"generation": 1, "password": f"pw-{id_}"}
        (cloud() / f"{id_}.json").write_text(json.dumps(outs))
        return CreateResult(id_, outs)

    def update(self, _id: str, _olds: Props, _news: Props) -> UpdateResult:
        """Write the file again."""
        _journal("update", id=_id, olds=_visible(_olds), news=_visible(_news))
        _maybe_fail("update", _news)
        outs = _visible(_news) | {
            "generation": _olds["generation"] + 1,
            "password": _olds["password"],
        }
        (cloud() / f"{_id}.json").write_text(json.dumps(outs))
        return UpdateResult(outs)

    def read(self, id_: str, props: Props) -> ReadResult:
        """Read the file."""
        _journal("read", id=id_, props=_visible(props))
        _maybe_fail("read", {"label": id_})
        path = cloud() / f"{id_}.json"
        if not path.exists():
            return ReadResult("", {})
        return ReadResult(id_, json.loads(path.read_text()))

    def delete(self, _id: str, _props: Props) -> None:
        """Delete the file."""
        _journal("delete", id=_id, props=_visible(_props))
        _maybe_fail("delete", {"label": _id})
        (cloud() / f"{_id}.json").unlink(missing_ok=True)


class Thing(Resource, module="toy", name="Thing"):
    """One file."""

    label: pulumi.Output[str]
    value: pulumi.Output[Any]
    secret: pulumi.Output[Any]
    zone: pulumi.Output[str]
    generation: pulumi.Output[int]
    password: pulumi.Output[str]

    def __init__(
        self,
        name: str,
        *,
        value: pulumi.Input[Any] = None,
        secret: pulumi.Input[Any] = None,
        zone: pulumi.Input[str] = "a",
        mode: str | None = None,
        takes: float | None = None,
        meets: int | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        props = {
            "label": name,
            "value": value,
            "secret": secret,
            "zone": zone,
            "mode": mode,
            "takes": takes,
            "meets": meets,
            "generation": None,
            "password": None,
        }
        super().__init__(ThingProvider(), name, props, opts)
