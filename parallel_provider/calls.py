"""What both doors do: check, compare, create, read, update and delete, on plain dictionaries.

A door describes the call (`Call`), and translates what goes in and what comes out. What goes in has
names in snake_case, and UNKNOWN where a preview doesn't know a value. Outputs come out in the
door's spelling. Nothing here knows Pulumi's SDK, gRPC or a wire format.

It is the one exit for texts, which are lines of `Door.line`, and for outputs, which
`require_sendable` has seen.
"""

from __future__ import annotations

import contextlib
import re
import threading
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from parallel_provider.api import (
    AuthenticationError,
    ConnectionFailedError,
    PermissionDeniedError,
    WrongOrganizationError,
)
from parallel_provider.errors import (
    CredentialsError,
    InternalError,
    LifecycleError,
    ParallelError,
    ResourceError,
    SettingsError,
)
from parallel_provider.lifecycle import function_of
from parallel_provider.lifecycle.claims import Claims
from parallel_provider.lifecycle.declare import (
    Props,
    State,
    Unknown,
    changed_inputs,
    check_inputs,
    input_defaulting_to_resource_name,
    is_known,
    public_outputs,
)
from parallel_provider.lifecycle.resource import (
    REVOKE_BY_HAND,
    Diff,
    Lifecycle,
    RawKeyOf,
    UnfinishedError,
)
from parallel_provider.lifecycle.run import Context, Messages, ResourceNames, Run
from parallel_provider.model import plain, why
from parallel_provider.printable import field_name, hide, line_for_user, printable
from parallel_provider.sendable import require_sendable
from parallel_provider.session import open_run
from parallel_provider.settings import Lookup, nearest

# Errors that aren't about one resource, and whose text names nothing that may be left behind.
_COMMON = (
    AuthenticationError,
    ConnectionFailedError,
    CredentialsError,
    PermissionDeniedError,
    SettingsError,
    WrongOrganizationError,
)
# The texts of one cause differ in these: ids in a path, and the server's reference.
_VARYING = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}| \[request [^\]]*\]")
_DELETING = "deleting"
# These calls come in a refresh or a destroy too.
_ALSO_WITH_OLD_CONFIGURATION = ("reading", "comparing", _DELETING)
_TRIGGERS = "triggers"


@dataclass(frozen=True)
class Door:
    """What the doors differ in.

    `spell` returns the name of an input or output as users write it, from the declared name.
    `keeps_unfinished` says that a resource whose last step failed can get into the state. The
    engine then asks for an update of it also where nothing differs. `has_old_configuration` says
    that a refresh and a destroy get the configuration of the last `pulumi up`.
    """

    spell: Callable[[str], str] = str
    keeps_unfinished: bool = False
    has_old_configuration: bool = False

    def properties(self, values: Props) -> dict[str, Any]:
        """Return inputs or outputs as JSON-like data, with names as users write them."""
        return {self.spell(name): plain(value, self.spell) for name, value in values.items()}

    def line(self, text: str) -> str:
        """Return a text for the user as the engine gets it."""
        return line_for_user(text, self.spell)

    def line_with_hint(self, text: str) -> str:
        """Return an error's text likewise; say which configuration counts, if it is about it."""
        if self.has_old_configuration and "parallel:" in text:
            text += (
                " (`pulumi refresh` and `pulumi destroy` use the configuration of the last "
                "`pulumi up`: with --run-program, they use today's)"
            )
        return self.line(text)


class Process:
    """A provider's process: its door, its claims, and its run or the reason why there is none.

    Safe to use from several threads.
    """

    def __init__(self, door: Door, engine_address: str = "", run: Run | None = None) -> None:
        self.door = door
        self.claims = run.claims if run is not None else Claims(engine_address)
        self._run = run
        self._failure: ParallelError | None = None
        self._lock = threading.Lock()
        # For each cause: the resource that got the whole text.
        self._first_reports: dict[str, str] = {}

    def open(
        self,
        config: Lookup,
        messages: Messages,
        *,
        stack: Lookup | None = None,
        cancellation: threading.Event | None = None,
    ) -> None:
        """Make the run from settings. No request is made. If it fails, `run` raises the error."""
        self._failure = None
        self._first_reports.clear()
        try:
            self._run = open_run(
                config, messages, stack=stack, cancellation=cancellation, claims=self.claims
            )
        except ParallelError as error:
            self._failure = error

    def run(self) -> Run:
        """Return the run. Raises ParallelError if there is none, or if it is cancelled."""
        if self._failure is not None:
            raise self._failure
        if self._run is None:
            raise AssertionError("the engine configures a provider before it calls it")
        if self._run.cancellation.is_set():
            raise LifecycleError("the run was cancelled before this began, so nothing was done")
        return self._run

    def failure_text(self, error: ParallelError, subject: str) -> str:
        """Return the text of a failure of `subject`, such as "ApiKey 'ci'".

        One cause can make many resources fail, such as an expired token or a server that can't be
        reached. The first of them gets the whole text, the others a line that points to it.
        """
        if not subject or not isinstance(error, _COMMON):
            return str(error)
        with self._lock:
            first = self._first_reports.setdefault(_VARYING.sub("", str(error)), subject)
        return str(error) if first == subject else f"the same cause as for {first}: see its error"


@dataclass(frozen=True)
class Call:
    """One call of the engine for one resource.

    `subject` is what messages call the resource, such as "ApiKey 'ci'". `default_name` is the value
    of the name input if the program gives none. `secret_names` are values of the name input that
    the program calls secrets. `messages` are the run's, unless others are given.
    """

    process: Process
    subject: str = ""
    names: ResourceNames = field(default_factory=ResourceNames)
    messages: Messages | None = None
    secret_names: tuple[object, ...] = ()
    default_name: str = ""

    def context(self) -> Context:
        """Return what the lifecycle gets."""
        return Context(self.process.run(), self.names, self.messages, self.subject)

    @contextlib.contextmanager
    def reporting(self, action: str) -> Iterator[None]:
        """Turn every error into one line: what was being done, to which resource, and why.

        Raises ResourceError, InternalError and InitFailedError. A secret name isn't shown, neither
        here nor in messages. What a failed resource was to take the place of must stay: after each
        failure but that of a deletion, this run deletes nothing.
        """
        for name in self.secret_names:
            hide(name)
        try:
            yield
        except Exception as error:  # noqa: BLE001 - a user must not see it
            if self.subject and action != _DELETING:
                self.process.claims.note_failure(self.subject)
            raise self._reported(error, action) from None

    def _reported(self, error: Exception, action: str) -> ParallelError:
        door, what = self.process.door, f"{action} {self.subject}".strip()
        if isinstance(error, InitFailedError):
            return InitFailedError(door.line(f"{what}: {error}"), error.resource_id, error.outputs)
        if isinstance(error, ParallelError):
            text = f"{what}: {self.process.failure_text(error, self.subject)}"
            has_hint = action in _ALSO_WITH_OLD_CONFIGURATION
            return ResourceError(door.line_with_hint(text) if has_hint else door.line(text))
        return InternalError(door.line(f"{what}: {_bug_text(error)}"))


class InitFailedError(ParallelError):
    """A resource exists, and its last step failed: its outputs belong into the state."""

    def __init__(self, message: str, resource_id: str, outputs: dict[str, Any]) -> None:
        super().__init__(message)
        self.resource_id = resource_id
        self.outputs = outputs


class Calls:
    """The calls for one kind of resource. Raises ParallelError, inside of `Call.reporting`."""

    def __init__(self, lifecycle: Lifecycle[Any, Any]) -> None:
        self.lifecycle = lifecycle
        self.inputs_type = lifecycle.inputs_type
        self.state_type = lifecycle.state_type
        self.name_input = input_defaulting_to_resource_name(lifecycle.inputs_type)
        # A `.get` has none of these. It has inputs, and names such as the stack's, which internal
        # outputs have too.
        self._of_created = {*public_outputs(self.state_type)} - {*self.inputs_type.model_fields}

    def check(
        self,
        call: Call,
        olds: Props,
        news: Props,
        unknown_names: Iterable[str] = (),
    ) -> tuple[dict[str, Any], list[str]]:
        """Return the inputs with their defaults, and a line for everything that is wrong with them.

        `olds` are the inputs of the last run. `unknown_names` are names that the program gives and
        that no input has.
        """
        given = {**news, **self._default_name(call, olds, news)}
        checked = self.lifecycle.check(call.context(), olds, given)
        texts = [problem.text for problem in checked.problems]
        texts += [self._unknown_text(call.process.door, name) for name in unknown_names]
        if texts:
            call.process.claims.note_failure(call.subject)
        line = call.process.door.line
        return checked.inputs, [line(text) for text in texts]

    def diff(
        self, call: Call, outputs: Props, news: Props, *, is_imported: bool = False
    ) -> tuple[Diff, set[str]]:
        """Compare outputs with checked inputs; return the inputs to show for it too.

        `is_imported` says that the inputs of the last run come from an import. The API can't tell
        every input of a resource. So the first run after an import takes over what the program
        says, and replaces nothing: a key that is in use must not be revoked by an import.
        """
        context, state, news = call.context(), self._state(outputs), self._typed(news)
        if is_imported:
            return self._diff_after_import(context, state, news)
        diff = self.lifecycle.diff(context, state, news)
        return diff, {*diff.updates, *diff.replaces}

    def create(
        self, call: Call, news: Props, *, is_preview: bool = False
    ) -> tuple[str, dict[str, Any]]:
        """Create the resource; return its id and its outputs, in a preview what is known of them.

        Raises InitFailedError, if the door can keep what isn't finished.
        """
        context = call.context()
        if is_preview:
            return "", self._expected(call, self.lifecycle.expect_create(context, news))
        with self._finishing(call):
            state: State = self.lifecycle.create(context, self._valid_inputs(news))
        return state.resource_id, _outputs(call, dict(state))

    def read(
        self, call: Call, resource_id: str, outputs: Props, raw_key_of: RawKeyOf | None = None
    ) -> tuple[dict[str, Any], dict[str, Any]] | None:
        """Return the present outputs, and the inputs with which a program declares the resource.

        Returns None if it doesn't exist any more, and says so. One that the program doesn't manage
        has no outputs yet. With `raw_key_of`, it is imported.
        """
        state: State | None
        # One of them is enough: a damaged state mustn't be read anew, without what it knows.
        if not self._of_created.isdisjoint(outputs):
            state = self.lifecycle.read(call.context(), self._state(outputs))
        else:
            context = call.context()
            if raw_key_of is None:
                state = self.lifecycle.look_up(context, resource_id)
            else:
                state = self.lifecycle.import_state(context, resource_id, raw_key_of)
        if state is None:
            self._tell_that_it_is_dropped(call, outputs)
            return None
        names = [name for name in self.inputs_type.model_fields if name in type(state).model_fields]
        given = {name: state.input_value(name) for name in names}
        known = {name: value for name, value in given.items() if value is not None}
        return _outputs(call, dict(state)), known

    def _tell_that_it_is_dropped(self, call: Call, outputs: Props) -> None:
        app = f"app {outputs.get('app_id')} ({printable(str(outputs.get('app_name')))!r})"
        call.context().info(
            f"The organization's complete list of apps doesn't have {app} any more, so it is gone "
            f"with its keys: {call.subject or 'the resource'} is removed from the stack's state."
        )

    def update(
        self,
        call: Call,
        resource_id: str,
        outputs: Props,
        news: Props,
        *,
        is_imported: bool = False,
        is_preview: bool = False,
    ) -> dict[str, Any]:
        """Change the resource in place; return its outputs, in a preview what is known of them.

        Raises InitFailedError, if the door can keep what isn't finished.
        """
        context, state, news = call.context(), self._state(outputs), self._typed(news)
        if is_imported:
            state = self._completed_after_import(state, news)
        if is_preview:
            return self._expected(call, self.lifecycle.expect_update(context, state, news))
        with self._finishing(call, resource_id):
            state = self.lifecycle.update(context, state, self._valid_inputs(news))
        return _outputs(call, dict(state))

    def delete(self, call: Call, outputs: Props) -> None:
        """Delete the resource."""
        self.lifecycle.delete(call.context(), self._state(outputs))

    def _expected(self, call: Call, outputs: Props) -> dict[str, Any]:
        """Return what a preview shows of the expected outputs: those that programs can use."""
        return _outputs(call, {name: outputs[name] for name in public_outputs(self.state_type)})

    def _default_name(self, call: Call, olds: Props, news: Props) -> dict[str, str]:
        """Return the name input with its value if the program gives none, otherwise nothing.

        A name stays until the program gives another one: neither a rename by `aliases` nor a name
        that is taken out of the program replaces what lives. A replacement has no `olds`, so it
        gets the default. Only a secret name doesn't stay, since nothing says any more that it is a
        secret.
        """
        if self.name_input is None or news.get(self.name_input) is not None:
            return {}
        old = olds.get(self.name_input)
        is_kept = isinstance(old, str) and old not in call.secret_names
        name = old if is_kept else call.default_name
        return {self.name_input: name} if name else {}

    def _unknown_text(self, door: Door, name: str) -> str:
        known = list(map(door.spell, self.inputs_type.model_fields))
        similar = nearest(name, known)
        hint = f"did you mean {similar}?" if similar else f"it has {', '.join(known)}"
        return f"{name} is no input of {self.lifecycle.kind}: {hint}"

    def _diff_after_import(
        self, context: Context, state: State, news: Props
    ) -> tuple[Diff, set[str]]:
        completed = self.lifecycle.with_first_inputs(state, news)
        known = {**news, _TRIGGERS: dict(state).get(_TRIGGERS)}
        diff = self.lifecycle.diff(context, completed, known)
        wrong = [name for name in diff.replaces if not isinstance(news.get(name), Unknown)]
        if wrong:
            values = ", ".join(
                f"{field_name(name)} {printable(str(completed.input_value(name)))!r}"
                for name in wrong
            )
            raise LifecycleError(
                f"the first run after an import replaces nothing: it was imported with {values}, "
                "and the program says something else. Write these values in the program; they can "
                "be changed in a later run"
            )
        taken_over = changed_inputs(self.inputs_type, state, news)
        if _TRIGGERS in taken_over:
            context.info(
                "`triggers` are taken over from the program: the first run after an import "
                "replaces and rotates nothing."
            )
        # The schema says which inputs replace a resource when they change. The engine applies that
        # to each input that is shown, also where its value is only taken over.
        shown = {*diff.updates, *changed_inputs(self.inputs_type, completed, news)}
        updates = tuple(sorted({*diff.updates, *taken_over}))
        return replace(diff, updates=updates), shown - {_TRIGGERS}

    def _completed_after_import(self, state: State, news: Props) -> State:
        completed: State = self.lifecycle.with_first_inputs(state, news)
        if _TRIGGERS in type(completed).model_fields:
            return completed.model_copy(update={_TRIGGERS: news.get(_TRIGGERS)})
        return completed

    def _typed(self, news: Props) -> Props:
        """Return checked inputs as the check had them: durations are such, and not text."""
        typed = check_inputs(self.inputs_type, news).inputs
        return {name: typed[name] for name in news}

    def _valid_inputs(self, news: Props) -> Any:  # noqa: ANN401 - of the lifecycle's type
        """Return the inputs of a run, which needs to know all of them."""
        for name, value in news.items():
            if not is_known(value):
                raise LifecycleError(
                    f"{field_name(name)} isn't known, or holds a text that Pulumi uses as a mark "
                    "of its own"
                )
        try:
            return self.inputs_type.model_validate(news)
        except ValidationError as error:
            raise LifecycleError(f"its inputs can't be used: {why(error, field_name)}") from None

    def _state(self, outputs: Props) -> Any:  # noqa: ANN401 - of the lifecycle's type
        try:
            return self.state_type.model_validate(outputs)
        except ValidationError as error:
            raise LifecycleError(
                "its outputs in the stack's state aren't as this provider writes them "
                f"({why(error, field_name)}): correct them, or restore an earlier state, with "
                "`pulumi stack export` and `pulumi stack import`"
            ) from None

    @contextlib.contextmanager
    def _finishing(self, call: Call, resource_id: str = "") -> Iterator[None]:
        """Keep what exists, if the door can. Otherwise raise the error for the user."""
        try:
            yield
        except UnfinishedError as error:
            if not call.process.door.keeps_unfinished:
                raise LifecycleError(f"{error.reason}: {REVOKE_BY_HAND}") from None
            raise InitFailedError(
                f"{error.reason}. It stays in the stack's state, and the next run goes on there",
                resource_id or error.state.resource_id,
                _outputs(call, dict(error.state)),
            ) from None


def call_function(call: Call, name: str, arguments: Props) -> tuple[dict[str, Any], list[str]]:
    """Call a function such as "getApp"; return its result, or what is wrong with its arguments."""
    function = function_of(name)
    checked = check_inputs(function.inputs_type, arguments)
    if checked.problems:
        return {}, [call.process.door.line(problem.text) for problem in checked.problems]
    run = call.process.run()
    result = function.call(run, function.inputs_type.model_validate(checked.inputs))
    return _outputs(call, dict(result)), []


def _outputs(call: Call, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return outputs as JSON-like data. Raises LifecycleError if the engine can't take one."""
    outputs = call.process.door.properties(values)
    require_sendable(outputs)
    return outputs


def _bug_text(error: Exception) -> str:
    """Return the place of an unexpected error. The error's own text may hold a secret."""
    # With a limit here, `sys.tracebacklimit` doesn't apply, which hides every frame.
    [last] = traceback.extract_tb(error.__traceback__, limit=-1)
    return (
        f"unexpected {type(error).__name__} in {Path(last.filename).name}, line {last.lineno}: "
        "this is a bug in parallel-provider, please report it with this line"
    )
