"""Random histories of a stack: programs of both doors, edits of them, people and faults."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, TypeVar

from hypothesis import strategies as st

from tests.attacks.programs import Door, How, Kind, Program, Resource
from tests.reliability.matrix import ADD_BALANCE, APPS, KEYS, ONE_APP, ONE_KEY
from tests.reliability.planned_faults import PlannedFault

APP_NAMES = ("prod", "search")
_NAMES: dict[Kind, str] = {
    "App": "abcde",
    "ApiKey": "klmno",
    "RotatingApiKey": "rstuv",
    "BalanceTopUp": "xyzw",
}
_PROVIDERS = ("", "east", "west")

_DOORS: st.SearchStrategy[Door] = st.sampled_from(["dynamic", "native"])

T = TypeVar("T")

# In one answer, or in all of a run: what is refused, and what is done without an answer.
_FAULTS = st.builds(
    PlannedFault,
    route=st.sampled_from(
        [
            ("POST", ADD_BALANCE),
            ("POST", APPS),
            ("POST", KEYS),
            ("DELETE", ONE_APP),
            ("DELETE", ONE_KEY),
            ("GET", APPS),
        ]
    ),
    kind=st.sampled_from(["drop_after", "status"]),
    status=st.just(403),
    times=st.sampled_from([1, 99]),
    after=st.sampled_from([0, 0, 1]),
)

# Of a person in the console: what is done, and the name of the app that it is done to.
Console = tuple[str, str]


@dataclass(frozen=True)
class Step:
    """One operation on the stack, with what happens before and during it.

    `option` is one of Pulumi's, with the resource that it names. Only Pulumi's own engine has them.
    """

    operation: str
    program: Program
    refresh: bool = False
    option: tuple[str, str] | None = None
    console: Console | None = None
    fault: PlannedFault | None = None
    kill: bool = False
    timeouts: tuple[tuple[str, int], ...] = ()


@st.composite
def programs(draw: st.DrawFn) -> Program:
    """Draw the first program: an app, and what may use it."""
    hows: list[How] = ["create", "adopt", "adopt", "existing"]
    how = draw(st.sampled_from(hows))
    app = Resource("App", "a", draw(_DOORS), how, app_name="prod", provider=draw(_rarely("east")))
    program: list[Resource] = [app]
    others: list[Resource] = [
        Resource("ApiKey", "k", app="a"),
        Resource("RotatingApiKey", "r", app="a"),
        Resource("BalanceTopUp", "x"),
    ]
    for other in others:
        if draw(st.sampled_from([False, True])):
            program.append(replace(other, door=draw(_DOORS)))
    return tuple(program)


def _rarely(value: str) -> st.SearchStrategy[str]:
    return st.sampled_from(["", "", "", "", value])


def edited(draw: st.DrawFn, program: Program) -> Program:
    """Draw an edit of one resource, or one more resource."""
    if not program or draw(st.sampled_from([False] * 5 + [True])):
        return _with_one_more(draw, program)
    index = draw(st.integers(0, len(program) - 1))
    old = program[index]
    if draw(st.sampled_from([False] * 5 + [True])):
        return _without(draw, program, old)
    new = old
    # Attacks need several changes of one resource at once.
    for edit in draw(
        st.lists(st.sampled_from(_EDITS[old.kind]), min_size=1, max_size=3, unique=True)
    ):
        new = _changed(draw, program, new, edit)
    others = program[:index] + program[index + 1 :]
    if old.kind == "App":
        others = tuple(replace(r, app=new.name) if r.app == old.name else r for r in others)
    return (*others[:index], new, *others[index:])


_FLAGS = ("team", "protect", "delete_before_replace")
_OF_ALL = ("rename", "door", "provider", *_FLAGS)
_CHOICES = {
    "provider": _PROVIDERS,
    "app_name": APP_NAMES,
    "how": ("create", "adopt", "existing", "import", "get"),
}
_EDITS = {
    "App": (*_OF_ALL, "rename", "how", "app_name"),
    "ApiKey": (*_OF_ALL, "version", "as text", "import", "kind"),
    "RotatingApiKey": (*_OF_ALL, "version", "as text", "import", "kind"),
    "BalanceTopUp": ("rename", "door", "team", "version", "version"),
}


def _changed(draw: st.DrawFn, program: Program, old: Resource, edit: str) -> Resource:
    """Change one thing of a resource."""
    fields: dict[str, Any]
    if edit in _FLAGS:
        fields = {edit: not getattr(old, edit)}
    elif edit == "rename":
        fields = {"name": _free_name(program, old.kind), "alias": draw(_rarely(old.name))}
    elif edit == "door":
        fields = {"door": "native" if old.door == "dynamic" else "dynamic"}
    elif edit == "version":
        fields = {"version": old.version % 3 + 1}
    elif edit == "kind":
        fields = {"kind": "RotatingApiKey" if old.kind == "ApiKey" else "ApiKey"}
    elif edit == "import":
        of_key = draw(st.sampled_from(["prod/colleague", f"prod/{old.name}"]))
        fields = {"how": "import", "door": "native", "of_key": of_key}
    elif edit == "as text":
        named = [r.app_name for r in program if r.kind == "App" and r.name == old.app]
        fields = {"app": "", "app_text": named[0]} if named else {}
    else:
        fields = {edit: draw(st.sampled_from(_CHOICES[edit]))}
    return replace(old, **fields)


def _with_one_more(draw: st.DrawFn, program: Program) -> Program:
    kinds: list[Kind] = ["App", "App", "ApiKey", "RotatingApiKey", "BalanceTopUp"]
    kind = draw(st.sampled_from(kinds))
    name, door = _free_name(program, kind), draw(_DOORS)
    apps = [resource for resource in program if resource.kind == "App"]
    if kind == "App":
        hows: list[How] = ["create", "adopt", "adopt", "existing", "get", "import"]
        how = draw(st.sampled_from(hows))
        provider = draw(st.sampled_from(_PROVIDERS))
        app_name = draw(st.sampled_from(APP_NAMES))
        new = Resource("App", name, door, how, app_name=app_name, provider=provider)
    elif kind == "BalanceTopUp":
        new = Resource(kind, name, door)
    elif apps and draw(st.sampled_from([False, True])):
        new = Resource(kind, name, door, app=draw(st.sampled_from([app.name for app in apps])))
    else:
        protect = draw(st.sampled_from([False, True]))
        app_text = draw(st.sampled_from(APP_NAMES))
        new = Resource(kind, name, door, app_text=app_text, protect=protect)
    return (*program, new)


def _without(draw: st.DrawFn, program: Program, old: Resource) -> Program:
    """Remove a resource. The keys of an app go too, or have its id as text from then on."""
    others = tuple(resource for resource in program if resource is not old)
    if old.kind != "App":
        return others
    if draw(st.sampled_from([False, True])):
        return tuple(resource for resource in others if resource.app != old.name)
    return tuple(
        replace(r, app="", app_text=old.app_name) if r.app == old.name else r for r in others
    )


def _one_in(draw: st.DrawFn, number: int, strategy: st.SearchStrategy[T]) -> T | None:
    """Draw a value in one of so many cases, and None in the others."""
    return draw(strategy) if draw(st.sampled_from([False] * (number - 1) + [True])) else None


def _free_name(program: Program, kind: Kind) -> str:
    taken = {resource.name for resource in program if resource.kind == kind}
    return next(name for name in _NAMES[kind] + "123456789" if name not in taken)


@st.composite
def histories(draw: st.DrawFn, *, kills: bool = False, steps: int = 4) -> list[Step]:
    """Draw a history. It starts with an `up`."""
    program = draw(programs())
    history = [Step("up", program)]
    timeouts: dict[str, int] = {}
    for _ in range(draw(st.integers(1, steps))):
        for _ in range(draw(st.sampled_from([0, 1, 1, 1, 2]))):
            program = edited(draw, program)
        if draw(st.integers(0, 7)) == 0:
            timeouts["east"] = draw(st.integers(30, 32))
        names = [resource.urn_end for resource in program] or [""]
        options = st.tuples(
            st.sampled_from(["target", "exclude", "replace"]), st.sampled_from(names)
        )
        actions = st.tuples(
            st.sampled_from(["rename app", "rename app", "delete app", "create app", "create key"]),
            st.sampled_from(APP_NAMES),
        )
        operation = draw(st.sampled_from(["up"] * 10 + ["refresh", "destroy"]))
        history.append(
            Step(
                operation,
                program,
                refresh=operation == "up" and draw(st.sampled_from([False, False, True])),
                option=_one_in(draw, 4, options),
                console=_one_in(draw, 4, actions),
                fault=_one_in(draw, 3, _FAULTS),
                kill=kills and _one_in(draw, 8, st.just(True)) is not None,
                timeouts=tuple(timeouts.items()),
            )
        )
    return history
