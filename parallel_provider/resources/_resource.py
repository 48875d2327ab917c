"""Base class of all resources: what they send to Pulumi, and what they refuse in the program."""

import inspect
import typing
from collections.abc import Awaitable, Mapping
from enum import Enum
from typing import Any, ClassVar

import pulumi
from pulumi.dynamic import Resource

from parallel_provider.dynamic import PROVIDERS
from parallel_provider.resources import _program
from parallel_provider.sendable import unsendable

CREATE_INSTEAD = (
    "the API reads no keys, so let this resource create one, and revoke the other in the Parallel "
    "console when nobody uses it any more"
)
_ROOT_TYPE = "pulumi:pulumi:Stack"
# Pulumi sends these too. What they hold is checked by the provider.
_SENT_BY_PULUMI = (Enum, pulumi.Output, pulumi.Resource, Awaitable)


class ParallelResource(Resource):
    """A resource whose class annotates its outputs. Its provider is that of the class's name."""

    org_id: pulumi.Output[str]
    """The organization's id."""

    _name_input: ClassVar[str] = ""
    """The input that is the resource's own name if the program gives none."""
    _secret_outputs: ClassVar[tuple[str, ...]] = ()
    _instead_of_import: ClassVar[str]
    """What a user can do instead of an import."""

    def __init__(
        self, resource_name: str, inputs: Mapping[str, Any], opts: pulumi.ResourceOptions | None
    ) -> None:
        """Send the inputs. Those that are None aren't sent, as each takes time in every run.

        Raises pulumi.RunError, which Pulumi shows as one line, for values that can't be sent, and
        for the option `import_`, with which the program would end with the traceback of a KeyError.
        """
        # A program may have subclasses of its own.
        kind = next(each for each in type(self).__mro__ if ParallelResource in each.__bases__)
        if opts is not None and opts.import_ is not None:
            raise _program.run_error(
                f"{kind.__name__} {resource_name!r}: the option import_ doesn't work with this "
                f"provider: {self._instead_of_import}"
            )
        refuse_unsendable(kind.__name__, resource_name, inputs)
        _program.current().warned.get()
        sent = self._names(resource_name, inputs.get(self._name_input)) | dict(inputs)
        given = {name: value for name, value in sent.items() if value is not None}
        secrets = pulumi.ResourceOptions(additional_secret_outputs=list(self._secret_outputs))
        super().__init__(
            PROVIDERS[kind.__name__](),
            resource_name,
            {**dict.fromkeys(inspect.get_annotations(kind)), **given},
            pulumi.ResourceOptions.merge(secrets, opts),
        )
        self._set_none_where_absent(kind)

    def _names(self, resource_name: str, name: pulumi.Input[str] | None) -> dict[str, Any]:
        """Return the names that the provider needs, as Pulumi's SDK tells it none.

        It gets all inputs as plain text. So if the name input may be a secret, messages use
        `resource_name` instead.
        """
        if not self._name_input:
            return {}
        if isinstance(name, pulumi.Output):
            return {"resource_name": _if_secret(name, resource_name)}
        return {f"default_{self._name_input}": resource_name if name is None else None}

    def _set_none_where_absent(self, kind: type[Resource]) -> None:
        """Make outputs that the provider leaves out None in a preview too, instead of unknown.

        For the SDK, an output that isn't there isn't known yet. If `org_id` is known, all others
        are known too.
        """
        for name, annotation in inspect.get_annotations(kind).items():
            if _can_be_none(annotation):
                setattr(self, name, _known_with(getattr(self, name), self.org_id))


def refuse_unsendable(kind: str, resource_name: str, inputs: Mapping[str, Any]) -> None:
    """Refuse the values that Pulumi can't send as they are, as far as they are known already.

    Raises pulumi.RunError.
    """
    problem = unsendable({"resource_name": resource_name, **inputs}, _SENT_BY_PULUMI)
    if problem is not None:
        raise _program.run_error(f"{kind} {resource_name!r}: {problem}")


async def _if_secret(output: pulumi.Output[Any], text: str) -> str | None:
    return text if await output.is_secret() else None


def _can_be_none(annotation: object) -> bool:
    """Say whether an annotation such as `Output[str | None]` allows None."""
    [shown] = typing.get_args(annotation)
    return shown is Any or type(None) in typing.get_args(shown)


def _known_with(output: pulumi.Output[Any], marker: pulumi.Output[Any]) -> pulumi.Output[Any]:
    async def is_known() -> bool:
        return await output.is_known() or await marker.is_known()

    return pulumi.Output(
        output.resources(), output.future(with_unknowns=True), is_known(), output.is_secret()
    )


def parent_types(parent: pulumi.Resource | None) -> Awaitable[str | None] | None:
    """Return the types of all parents, outermost first, as in a child's URN; None without parents.

    Two resources of one stack can have the same type and name only if these types differ. This is
    no Output, since with an Output the resource would depend on its parent's other children.
    """
    return None if parent is None else _types_of(parent)


async def _types_of(parent: pulumi.Resource) -> str | None:
    urn = await parent.urn.future()
    # urn:pulumi:STACK::PROJECT::TYPES::NAME
    parts = str(urn).split("::", 3)
    types = parts[2] if len(parts) == 4 else None  # noqa: PLR2004 - as above
    return None if types == _ROOT_TYPE else types
