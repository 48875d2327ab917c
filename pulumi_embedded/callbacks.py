"""Calls to functions of the program: transforms and hooks.

The program's SDK serves these functions. A registration has the address and a token of each.
"""

from __future__ import annotations

import threading
from typing import TypeVar

import grpc
from google.protobuf.message import Message
from pulumi.runtime.proto import callback_pb2, callback_pb2_grpc

from pulumi_embedded.errors import EngineError
from pulumi_embedded.provider import CHANNEL_OPTIONS

_Answer = TypeVar("_Answer", bound=Message)


class CallbackError(EngineError):
    """The program's function raised an exception, or the program has ended."""


class Callbacks:
    """The connections to the programs whose functions are called."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._channels: dict[str, grpc.Channel] = {}
        self._closed = False

    def call(
        self, callback: callback_pb2.Callback, request: Message, answer_type: type[_Answer]
    ) -> _Answer:
        """Call a function of the program. Raises `CallbackError`."""
        stub = callback_pb2_grpc.CallbacksStub(self._channel(callback.target))
        invoke = callback_pb2.CallbackInvokeRequest(
            token=callback.token, request=request.SerializeToString()
        )
        try:
            response = stub.Invoke(invoke)
        except grpc.RpcError as error:
            raise CallbackError(str(error.details())) from None
        except ValueError:  # the channel was closed
            raise CallbackError("the operation was ended") from None
        answer = answer_type()
        answer.ParseFromString(response.response)
        return answer

    def close(self) -> None:
        """End all calls that still run."""
        with self._lock:
            self._closed = True
            channels = list(self._channels.values())
        for channel in channels:
            channel.close()

    def _channel(self, target: str) -> grpc.Channel:
        with self._lock:
            if self._closed:
                raise CallbackError("the operation was ended")
            if target not in self._channels:
                self._channels[target] = grpc.insecure_channel(target, options=CHANNEL_OPTIONS)
            return self._channels[target]
