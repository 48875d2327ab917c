"""One kind of resource, with the calls of Pulumi's provider protocol."""

from __future__ import annotations

import contextlib
import difflib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from pydantic import ValidationError

from parallel_provider.errors import LifecycleError
from parallel_provider.lifecycle import lifecycle_of
from parallel_provider.lifecycle.declarations import (
    Props,
    State,
    named_input,
    secret_outputs,
)
from parallel_provider.lifecycle.resource import UnfinishedError
from parallel_provider.lifecycle.run import Context, ResourceNames
from parallel_provider.model import why
from parallel_provider.plugin.imports import (
    IMPORTED,
    compare,
    completed,
    imported_inputs,
    raw_key_of,
)
from parallel_provider.plugin.names import line_for_engine, to_camel
from parallel_provider.plugin.protocol import provider_pb2 as proto
from parallel_provider.plugin.values import (
    from_struct,
    in_camel_case,
    in_snake_case,
    secrets_in,
    sendable,
    to_struct,
)
from parallel_provider.printable import field_name, hide

_DEFAULTS = "__defaults"
"""The name under which checked inputs list the inputs that are defaults. Pulumi doesn't show it."""
_DYNAMIC = "__provider"
"""The property that states of the dynamic provider have."""


class InitFailedError(Exception):
    """A resource exists, and its last step failed: it belongs into the state as it is."""

    def __init__(self, reason: str, resource_id: str, outputs: Any) -> None:  # noqa: ANN401 - a struct
        super().__init__(reason)
        self.reason = reason
        self.resource_id = resource_id
        self.outputs = outputs


class ResourceCalls:
    """The calls for one kind of resource. Raises ParallelError and InitFailedError."""

    def __init__(self, kind: str) -> None:
        self.lifecycle = lifecycle_of(kind)
        self._inputs = self.lifecycle.inputs_type
        self._state = self.lifecycle.state_type
        self._secrets = set(map(to_camel, secret_outputs(self._state)))

    def _default_name(self, name: str, olds: Mapping[str, Any], news: Mapping[str, Any]) -> str:
        """Return the value of the name input if the program gives none.

        It is the name of the last run if that was a default too. Otherwise a rename by `aliases`
        would replace the resource.
        """
        name_input = named_input(self._inputs)
        if name_input is None or news.get(to_camel(name_input)) is not None:
            return ""
        was_default = (
            to_camel(name_input) in (olds.get(_DEFAULTS) or ())
            or olds.get(f"default_{name_input}") is not None
            or IMPORTED in olds
        )
        old = in_snake_case([name_input], olds).get(name_input)
        return old if was_default and isinstance(old, str) else name

    def check(self, context: Context, request: proto.CheckRequest) -> proto.CheckResponse:
        """Check inputs."""
        given = from_struct(request.news)
        default = self._default_name(context.resource.name, from_struct(request.olds), given)
        context = replace(context, resource=replace(context.resource, default_name=default))
        news = in_snake_case(self._inputs.model_fields, given)
        olds = in_snake_case(self._inputs.model_fields, from_struct(request.olds))
        checked = self.lifecycle.check(context, olds, news)
        inputs = in_camel_case(checked.inputs)
        if context.resource.default_name:
            inputs[_DEFAULTS] = [to_camel(named_input(self._inputs) or "")]
        # Without a property: the engine would print its value, even that of a secret.
        texts = [problem.text for problem in checked.problems] + self._unknown_names(given)
        failures = [proto.CheckFailure(reason=line_for_engine(text)) for text in texts]
        if failures and is_first(request):
            context.run.claims.note_failed_creation(context.subject)
        secrets = secrets_in(request.news)
        return proto.CheckResponse(inputs=to_struct(inputs, secrets), failures=failures)

    def diff(self, context: Context, request: proto.DiffRequest) -> proto.DiffResponse:
        """Compare outputs with inputs."""
        outputs, inputs = from_struct(request.olds), self._news(request.news)
        state = self._state_of(outputs)
        diff, shown = compare(self.lifecycle, context, request.old_inputs, state, inputs)
        if not diff.changed and _DYNAMIC in outputs:
            # The state is of the dynamic provider: an update writes it in this provider's form.
            return proto.DiffResponse(changes=proto.DiffResponse.DIFF_SOME)
        if not diff.changed:
            return proto.DiffResponse(changes=proto.DiffResponse.DIFF_NONE)
        kinds = proto.PropertyDiff
        reasons = {
            to_camel(name): kinds(
                kind=kinds.UPDATE_REPLACE if name in diff.replaces else kinds.UPDATE,
                inputDiff=True,
            )
            for name in sorted(shown)
        }
        return proto.DiffResponse(
            changes=proto.DiffResponse.DIFF_SOME,
            replaces=[to_camel(name) for name in diff.replaces],
            diffs=list(reasons),
            detailedDiff=reasons,
            hasDetailedDiff=bool(reasons),
        )

    def create(self, context: Context, request: proto.CreateRequest) -> proto.CreateResponse:
        """Create from inputs; in a preview, return what is known of the outputs."""
        news, secrets = self._news(request.properties), secrets_in(request.properties)
        if request.preview:
            expected = self.lifecycle.expect_create(context, news)
            return proto.CreateResponse(properties=self._outputs(expected, secrets))
        with self._keeping_unfinished(secrets):
            state = self.lifecycle.create(context, self._valid_inputs(news))
        outputs = self._outputs(dict(state), secrets)
        return proto.CreateResponse(id=state.resource_id, properties=outputs)

    def read(self, context: Context, request: proto.ReadRequest) -> proto.ReadResponse:
        """Read the present outputs. A `get` has none, and an import hasn't even the field.

        The id stays: an import's text stands in the program, and a key's id changes by rotations.
        """
        outputs = from_struct(request.properties)
        state: State | None
        if in_snake_case([self.lifecycle.created_marker], outputs):
            state = self.lifecycle.read(context, self._state_of(outputs))
        elif request.HasField("properties") or request.HasField("inputs"):
            state = self.lifecycle.look_up(context, request.id)
        else:
            state = self.lifecycle.import_state(context, request.id, raw_key_of)
        if state is None:
            return proto.ReadResponse()
        inputs = request.inputs
        if not inputs.fields:
            known = in_camel_case(imported_inputs(self.lifecycle, state))
            inputs = to_struct({**known, IMPORTED: True})
        outputs = self._outputs(dict(state), secrets_in(request.properties))
        return proto.ReadResponse(id=request.id, properties=outputs, inputs=inputs)

    def update(self, context: Context, request: proto.UpdateRequest) -> proto.UpdateResponse:
        """Update in place; in a preview, return what is known of the outputs.

        After a partial failure, the engine calls this also if nothing differs.
        """
        state, news = self._state_of(from_struct(request.olds)), self._news(request.news)
        state = completed(self.lifecycle, request.old_inputs, state, news)
        secrets = secrets_in(request.news)
        if request.preview:
            expected = self.lifecycle.expect_update(context, state, news)
            return proto.UpdateResponse(properties=self._outputs(expected, secrets))
        if self.lifecycle.diff(_without_messages(context), state, news).changed:
            with self._keeping_unfinished(secrets, request.id):
                state = self.lifecycle.update(context, state, self._valid_inputs(news))
        return proto.UpdateResponse(properties=self._outputs(dict(state), secrets))

    def delete(self, context: Context, request: proto.DeleteRequest) -> None:
        """Delete by outputs."""
        self.lifecycle.delete(context, self._state_of(from_struct(request.properties)))

    def _news(self, struct: Any) -> dict[str, Any]:  # noqa: ANN401 - a struct
        return in_snake_case(self._inputs.model_fields, from_struct(struct))

    def _valid_inputs(self, news: Props) -> Any:  # noqa: ANN401 - of the lifecycle's type
        try:
            return self._inputs.model_validate(news)
        except ValidationError as error:
            raise LifecycleError(f"its inputs can't be used: {why(error, field_name)}") from None

    def _state_of(self, outputs: Props) -> Any:  # noqa: ANN401 - of the lifecycle's type
        try:
            return self._state.model_validate(in_snake_case(self._state.model_fields, outputs))
        except ValidationError as error:
            raise LifecycleError(
                "its outputs in the stack's state aren't as this provider writes them "
                f"({why(error, field_name)}): correct them, or restore an earlier state, with "
                "`pulumi stack export` and `pulumi stack import`"
            ) from None

    def _outputs(self, state: Mapping[str, Any], secrets: set[str]) -> Any:  # noqa: ANN401 - a struct
        """Return all outputs. One that is absent is null: a missing one would be unknown.

        `secrets` are the secret inputs. Outputs of the same names are secrets too.
        """
        return sendable(state, self._secrets | secrets)

    @contextlib.contextmanager
    def _keeping_unfinished(self, secrets: set[str], resource_id: str = "") -> Iterator[None]:
        try:
            yield
        except UnfinishedError as error:
            outputs = self._outputs(dict(error.state), secrets)
            reason = (
                f"{error.reason}. It stays in the stack's state, and the next run goes on there"
            )
            resource_id = resource_id or error.state.resource_id
            raise InitFailedError(reason, resource_id, outputs) from None

    def hide_secret_name(self, *properties: Any) -> None:  # noqa: ANN401 - structs
        """Let no message show the name input, if the program calls it a secret."""
        name = to_camel(named_input(self._inputs) or "")
        for struct in properties:
            if name in secrets_in(struct):
                hide(from_struct(struct).get(name))

    def _unknown_names(self, given: Mapping[str, Any]) -> list[str]:
        known = [to_camel(name) for name in self._inputs.model_fields]
        texts = []
        for name in given:
            if name in known or name in (_DEFAULTS, IMPORTED):
                continue
            nearest = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean {nearest[0]}?" if nearest else f"it has {', '.join(known)}"
            texts.append(f"{name} is no input of {self.lifecycle.kind}: {hint}")
        return texts


class _NoMessages:
    """Drops messages, which an earlier call has shown."""

    def info(self, text: str) -> None: ...

    def warn(self, text: str) -> None: ...


def _without_messages(context: Context) -> Context:
    return replace(context, messages=_NoMessages())


def is_first(request: Any) -> bool:  # noqa: ANN401 - a message of the protocol
    """Return whether a call is about a resource that isn't in the stack yet."""
    if isinstance(request, proto.ReadRequest):
        return not request.properties.fields
    if isinstance(request, proto.CheckRequest):
        return not request.olds.fields
    return isinstance(request, proto.CreateRequest)


def names_in(urn: str) -> ResourceNames:
    """Return the names of a resource, from its URN."""
    # urn:pulumi:STACK::PROJECT::PARENT$TYPES$TYPE::NAME
    _, _, rest = urn.partition("urn:pulumi:")
    stack, project, types, name = rest.split("::", 3)
    parents, _, _ = types.rpartition("$")
    return ResourceNames(name=name, stack=stack, project=project, parent_types=parents)


def type_in(urn: str) -> str:
    """Return the type of a resource, such as "parallel:index:ApiKey", from its URN."""
    return urn.split("::")[2].rpartition("$")[2]
