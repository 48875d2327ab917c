"""The process of one native plugin. It is started and configured as Pulumi's engine does it."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NoReturn

import grpc
from google.protobuf import empty_pb2
from pulumi.runtime.proto import provider_pb2

from pulumi_embedded.diffs import ProviderDiff
from pulumi_embedded.provider import (
    CheckResult,
    ProviderError,
    ProviderProcess,
    ReadResult,
    call,
    diff_in,
)
from pulumi_embedded.urns import name_of, type_of
from pulumi_embedded.values import (
    Properties,
    Secret,
    from_wire,
    has_secret,
    marked_like,
    plain,
    to_wire,
)

_CANCEL_SECONDS: Final = 5.0


@dataclass(frozen=True)
class InvokeResult:
    """Result of a function, and the failures as (property, reason)."""

    outputs: Properties
    failures: list[tuple[str, str]]


class PluginProcess(ProviderProcess):
    """The process of one provider of a package. Each provider has a process of its own."""

    has_previews = True  # changed by the answer to `Configure` if there was no handshake

    def __init__(
        self,
        package: str,
        command: Sequence[str],
        *,
        engine_address: str,
        work_dir: str,
        env: Mapping[str, str],
        on_line: Callable[[str], object],
    ) -> None:
        super().__init__(
            engine_address=engine_address,
            work_dir=work_dir,
            env=env,
            on_line=on_line,
            command=command,
        )
        self._package = package
        try:
            self._connect()
        except ProviderError:
            self.end()
            raise ProviderError(
                f"the plugin of the package {package!r} ({command[0]}) ended, or printed no port, "
                "before it was ready"
            ) from None
        self._handshake(engine_address, str(Path(command[0]).parent))

    def _handshake(self, engine_address: str, folder: str) -> None:
        request = provider_pb2.ProviderHandshakeRequest(
            engine_address=engine_address, root_directory=folder, program_directory=folder
        )
        # Older SDKs don't have all of these fields.
        for name in ("configure_with_urn", "invoke_with_preview"):
            if name in request.DESCRIPTOR.fields_by_name:
                setattr(request, name, True)
        self._handshaken = True
        try:
            response = self._stub.Handshake(request)
        except grpc.RpcError as error:
            if error.code() != grpc.StatusCode.UNIMPLEMENTED:
                raise ProviderError(
                    f"failed to handshake with the plugin of {self._package!r}: {error.details()}"
                ) from None
            self._handshaken = False
        else:
            self.accepts_secrets = response.accept_secrets

    def check_config(self, urn: str, olds: Properties, news: Properties) -> CheckResult:
        """Check the inputs of a provider. Requests never have secrets."""
        request = provider_pb2.CheckRequest(
            urn=urn,
            name=name_of(urn),
            type=type_of(urn),
            olds=to_wire(olds, secrets=False),
            news=to_wire(news, secrets=False),
        )
        try:
            response = self._stub.CheckConfig(request)
        except grpc.RpcError as error:
            if error.code() == grpc.StatusCode.UNIMPLEMENTED:
                return CheckResult(news, [])
            raise ProviderError(str(error.details())) from None
        inputs = marked_like(from_wire(response.inputs), news)
        return CheckResult(inputs, [(f.property, f.reason) for f in response.failures])

    def diff_config(
        self, urn: str, *, old_inputs: Properties, old_outputs: Properties, new_inputs: Properties
    ) -> ProviderDiff:
        """Compare the inputs of a provider. `changes` is None if the plugin leaves that open."""
        request = provider_pb2.DiffRequest(
            urn=urn,
            name=name_of(urn),
            type=type_of(urn),
            old_inputs=to_wire(old_inputs, secrets=False),
            olds=to_wire(old_outputs, secrets=False),
            news=to_wire(new_inputs, secrets=False),
        )
        try:
            return diff_in(self._stub.DiffConfig(request))
        except grpc.RpcError as error:
            if error.code() == grpc.StatusCode.UNIMPLEMENTED:
                return ProviderDiff(None)
            raise ProviderError(str(error.details())) from None

    def configure_as(self, urn: str, id_: str, inputs: Properties) -> None:
        """Configure the provider. All inputs are known."""
        request = provider_pb2.ConfigureRequest(
            urn=urn,
            id=id_,
            name=name_of(urn),
            type=type_of(urn),
            variables={
                f"{self._package}:config:{key}": _text(value)
                for key, value in inputs.items()
                if key != "version"
            },
            args=to_wire(inputs, secrets=True),
            acceptSecrets=True,
            acceptResources=True,
            sends_old_inputs=True,
            sends_old_inputs_to_delete=True,
        )
        response = call(self._stub.Configure, request)
        if not self._handshaken:
            self.accepts_secrets = response.acceptSecrets
            self.has_previews = response.supportsPreview

    def invoke(self, token: str, arguments: Properties, *, preview: bool) -> InvokeResult:
        """Call a function."""
        request = provider_pb2.InvokeRequest(tok=token, args=self._wire(arguments))
        if "preview" in request.DESCRIPTOR.fields_by_name:
            request.preview = preview
        response = call(self._stub.Invoke, request)
        outputs = from_wire(getattr(response, "return"))
        if has_secret(arguments) and not self.accepts_secrets:
            outputs = {
                key: value if isinstance(value, Secret) else Secret(value)
                for key, value in outputs.items()
            }
        return InvokeResult(outputs, [(f.property, f.reason) for f in response.failures])

    def cancel(self) -> None:
        """Ask the plugin to end its calls soon."""
        with contextlib.suppress(grpc.RpcError):
            self._stub.Cancel(empty_pb2.Empty(), timeout=_CANCEL_SECONDS)


class UnknownPlugin:
    """A provider whose configuration a preview doesn't know. Its plugin isn't called."""

    def check(self, _urn: str, _olds: Properties, news: Properties) -> CheckResult:
        """Return the inputs as they are."""
        return CheckResult(news, [])

    def diff(self, *_state: object, **_properties: object) -> ProviderDiff:
        """Return that the resource changes: whether it does isn't known."""
        return ProviderDiff(changes=True)

    def create(self, *_inputs: object, **_options: object) -> tuple[str, Properties]:
        """Return that nothing is known."""
        return "", {}

    def update(self, *_state: object, **_properties: object) -> Properties:
        """Return that nothing is known."""
        return {}

    def read(self, _urn: str, id_: str, **_properties: object) -> ReadResult:
        """Return that nothing is known."""
        return ReadResult(id_, {}, {})

    def delete(self, *_state: object, **_properties: object) -> None:
        """Do nothing: a preview deletes nothing."""

    def invoke(self, *_call: object, **_options: object) -> InvokeResult:
        """Return that nothing is known."""
        return InvokeResult({}, [])


class FailedPlugin:
    """A provider whose Configure has failed. As in Pulumi's engine, each later call fails so."""

    def __init__(self, error: ProviderError) -> None:
        self._error = error

    def _fail(self, *_arguments: object, **_properties: object) -> NoReturn:
        raise ProviderError(str(self._error))

    check = diff = create = update = read = delete = invoke = diff_config = _fail


def _text(value: object) -> str:
    """Return a setting as the older field `variables` has it."""
    value = plain(value)
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))
