"""A native plugin of the package `shelf`, whose resources are files. It is run by the engines.

`SHELF_FOLDER` is a folder. Each thing that exists is a file `ID.json` in it. `journal.jsonl` has a
line for each call, with what the engine sent. A file `unready-NAME` makes a create or an update of
this thing fail after its work, and `refused-NAME` before it. The create of a thing named "waits"
goes on until the plugin is cancelled.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NoReturn

import grpc
from google.protobuf import any_pb2, empty_pb2, json_format, struct_pb2
from pulumi.runtime.proto import (
    engine_pb2,
    engine_pb2_grpc,
    plugin_pb2,
    provider_pb2_grpc,
    status_pb2,
)
from pulumi.runtime.proto import provider_pb2 as proto

FOLDER = Path(os.environ["SHELF_FOLDER"])
UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
SIGNATURE = "4dabf18193072939515e22adb298388d"
SECRET = "1b47061264138c4ac30d75fd1eb44270"
Props = dict[str, Any]


def _dict(struct: struct_pb2.Struct) -> Props:
    return json_format.MessageToDict(struct)


def _struct(props: Props) -> struct_pb2.Struct:
    struct = struct_pb2.Struct()
    struct.update(props)
    return struct


def _plain(value: Any) -> Any:  # noqa: ANN401 - JSON
    return value["value"] if isinstance(value, dict) and SIGNATURE in value else value


def _name(urn: str) -> str:
    return urn.rsplit("::", 1)[-1]


class Shelf(provider_pb2_grpc.ResourceProviderServicer):
    """Keeps things as files. A new `zone` replaces; other inputs update."""

    def __init__(self, engine: str) -> None:
        self._engine = engine_pb2_grpc.EngineStub(grpc.insecure_channel(engine))
        self._color = ""
        self._cancelled = threading.Event()

    def _journal(self, operation: str, **what: Any) -> None:  # noqa: ANN401 - JSON
        text = json.dumps({"op": operation, **what}, sort_keys=True).replace(UNKNOWN, "<unknown>")
        with (FOLDER / "journal.jsonl").open("a") as journal:
            journal.write(text + "\n")

    def Handshake(self, request: Any, context: Any) -> Any:  # noqa: N802, ANN401, ARG002
        self._journal("handshake", same_engine=request.engine_address == sys.argv[1])
        accepts = "SHELF_ACCEPTS_SECRETS" in os.environ
        return proto.ProviderHandshakeResponse(accept_secrets=accepts)

    def GetPluginInfo(self, request: Any, context: Any) -> Any:  # noqa: N802, ANN401, ARG002
        return plugin_pb2.PluginInfo(version="1.0.0")

    def CheckConfig(self, request: Any, context: Any) -> Any:  # noqa: N802, ANN401, ARG002
        news = _dict(request.news)
        self._journal("checkConfig", name=request.name, olds=_dict(request.olds), news=news)
        failures = []
        if news.get("color") == "bad":
            failures.append(proto.CheckFailure(reason="color must not be bad"))
        return proto.CheckResponse(inputs=request.news, failures=failures)

    def DiffConfig(self, request: Any, context: Any) -> Any:  # noqa: N802, ANN401, ARG002
        olds, news = _dict(request.old_inputs), _dict(request.news)
        self._journal("diffConfig", olds=olds, news=news)
        region = olds.get("region") != news.get("region")
        return proto.DiffResponse(replaces=["region"] if region else [])

    def Configure(self, request: Any, context: Any) -> Any:  # noqa: N802, ANN401, ARG002
        args = _dict(request.args)
        own = json.loads(os.environ["PULUMI_CONFIG"])
        self._journal("configure", name=request.name, args=args, environment=own, pid=os.getpid())
        self._color = str(_plain(args.get("color", "")))
        return proto.ConfigureResponse(supportsPreview=True)

    def Check(self, request: Any, context: Any) -> Any:  # noqa: N802, ANN401, ARG002
        olds, news = _dict(request.olds), _dict(request.news)
        self._journal("check", name=request.name, olds=olds, news=news)
        failures = []
        if news.get("value") == "bad":
            failures.append(proto.CheckFailure(property="value", reason="it is bad"))
        return proto.CheckResponse(inputs=_struct({"zone": "north", **news}), failures=failures)

    def Diff(self, request: Any, context: Any) -> Any:  # noqa: N802, ANN401, ARG002
        olds, news = _dict(request.old_inputs), _dict(request.news)
        self._journal("diff", name=request.name, olds=_dict(request.olds), news=news)
        changed = [key for key in {**olds, **news} if olds.get(key) != news.get(key)]
        kinds = proto.PropertyDiff
        return proto.DiffResponse(
            changes=proto.DiffResponse.DIFF_SOME if changed else proto.DiffResponse.DIFF_NONE,
            replaces=[key for key in changed if key == "zone"],
            diffs=changed,
            detailedDiff={key: kinds(kind=kinds.UPDATE, inputDiff=True) for key in changed},
            hasDetailedDiff=bool(changed),
        )

    def Create(self, request: Any, context: Any) -> Any:  # noqa: N802, ANN401
        news = _dict(request.properties)
        self._journal("create", name=request.name, news=news, preview=request.preview)
        if request.preview:
            known = {**news, "color": self._color, "serial": UNKNOWN, "password": UNKNOWN}
            return proto.CreateResponse(properties=_struct(known))
        self._refuse(request.name, context)
        if request.name == "waits":
            self._cancelled.wait(20)
        id_ = f"{request.name}-{len(list(FOLDER.glob(f'{request.name}-*.json'))) + 1}"
        properties = self._write(id_, news)
        self._fail_if_unready(request.name, id_, properties, context)
        return proto.CreateResponse(id=id_, properties=properties)

    def Update(self, request: Any, context: Any) -> Any:  # noqa: N802, ANN401
        olds, news = _dict(request.olds), _dict(request.news)
        self._journal("update", name=request.name, olds=olds, news=news, preview=request.preview)
        if request.preview:
            return proto.UpdateResponse(properties=_struct({**olds, **news}))
        self._refuse(request.name, context)
        properties = self._write(request.id, news)
        self._fail_if_unready(request.name, request.id, properties, context)
        return proto.UpdateResponse(properties=properties)

    def Read(self, request: Any, context: Any) -> Any:  # noqa: N802, ANN401, ARG002
        self._journal("read", id=request.id, has_state=bool(request.properties.fields))
        path = FOLDER / f"{request.id}.json"
        if not path.exists():
            return proto.ReadResponse()
        inputs = json.loads(path.read_text())
        return proto.ReadResponse(
            id=request.id, inputs=_struct(inputs), properties=self._outputs(request.id, inputs)
        )

    def Delete(self, request: Any, context: Any) -> Any:  # noqa: N802, ANN401
        self._journal("delete", id=request.id, color=self._color)
        self._refuse(_name(request.urn), context)
        (FOLDER / f"{request.id}.json").unlink(missing_ok=True)
        return empty_pb2.Empty()

    def Invoke(self, request: Any, context: Any) -> Any:  # noqa: N802, ANN401
        arguments = _dict(request.args)
        self._journal("invoke", tok=request.tok, args=arguments)
        answer = proto.InvokeResponse()
        if arguments.get("zone") == "bad":
            answer.failures.add(property="zone", reason="it is bad")
        elif arguments.get("zone") == "broken":
            context.abort(grpc.StatusCode.UNKNOWN, "the shelf is broken")
        else:
            answered = {"count": len(list(FOLDER.glob("*-*.json"))), "color": self._color}
            getattr(answer, "return").CopyFrom(_struct(answered))
        return answer

    def Cancel(self, request: Any, context: Any) -> Any:  # noqa: N802, ANN401, ARG002
        self._journal("cancel")
        self._cancelled.set()
        return empty_pb2.Empty()

    def _outputs(self, id_: str, inputs: Props) -> struct_pb2.Struct:
        password = {SIGNATURE: SECRET, "value": f"pw-{id_}"}
        serial = int(id_.rpartition("-")[2])
        return _struct({**inputs, "color": self._color, "serial": serial, "password": password})

    def _write(self, id_: str, inputs: Props) -> struct_pb2.Struct:
        plain = {key: _plain(value) for key, value in inputs.items()}
        (FOLDER / f"{id_}.json").write_text(json.dumps(plain))
        return self._outputs(id_, inputs)

    def _refuse(self, name: str, context: Any) -> None:  # noqa: ANN401
        if (FOLDER / f"refused-{name}").exists():
            context.abort(grpc.StatusCode.UNKNOWN, f"the shelf refuses {name}")

    def _fail_if_unready(
        self,
        name: str,
        id_: str,
        properties: struct_pb2.Struct,
        context: Any,  # noqa: ANN401
    ) -> None:
        if not (FOLDER / f"unready-{name}").exists():
            return
        urgent = engine_pb2.LogRequest(severity=engine_pb2.WARNING, message=f"{name} wobbles")
        self._engine.Log(urgent)
        self._abort_with(
            proto.ErrorResourceInitFailed(id=id_, properties=properties, reasons=["it wobbles"]),
            context,
        )

    def _abort_with(self, failure: Any, context: Any) -> NoReturn:  # noqa: ANN401
        detail = any_pb2.Any()
        detail.Pack(failure)
        status = status_pb2.Status(code=2, message="it wobbles", details=[detail])
        context.set_trailing_metadata((("grpc-status-details-bin", status.SerializeToString()),))
        context.abort(grpc.StatusCode.UNKNOWN, "it wobbles")
        raise AssertionError("abort raises")


if __name__ == "__main__":
    server = grpc.server(ThreadPoolExecutor(8))
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(Shelf(sys.argv[1]), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    with contextlib.suppress(KeyboardInterrupt):
        server.wait_for_termination()
