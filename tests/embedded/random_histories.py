"""Random histories of a stack: programs of the toy provider, edits of them, and operations."""

from __future__ import annotations

from dataclasses import dataclass, replace

from hypothesis import strategies as st

NAMES = "abcdefgh"
FOREIGN = "foreign"  # a thing that programs can only read

_COMPONENT = """
class Group(pulumi.ComponentResource):
    def __init__(self, name, opts=None):
        super().__init__("toy:index:Group", name, {}, opts)
        self.register_outputs({})

group = Group("group")
inner = Group("inner", ResourceOptions(parent=group))
"""
GROUPS = ("group", "inner")


@dataclass(frozen=True)
class Spec:
    """One resource of a program. `value_of` and `zone_of` name a resource to take an input from."""

    name: str
    value: int | None = None
    value_of: str = ""
    zone: str = "x"
    zone_of: str = ""
    secret: bool = False
    read: bool = False
    lazy: bool = False
    protect: bool = False
    retain_on_delete: bool = False
    delete_before_replace: bool | None = None
    ignore_changes: tuple[str, ...] = ()
    replace_on_changes: tuple[str, ...] = ()
    additional_secret_outputs: tuple[str, ...] = ()
    hide_diffs: tuple[str, ...] = ()
    group: str = ""  # of GROUPS, or empty
    depends_on: str = ""
    alias: str = ""
    moved_from: str | None = None  # the group that it was in before

    def source(self) -> str:
        """Return the statement that declares the resource."""
        value = f"{self.value_of}.generation" if self.value_of else repr(self.value)
        inputs = [
            f"value=Output.secret({value})" if self.secret else f"value={value}",
            f"zone={self.zone_of}.password" if self.zone_of else f"zone={self.zone!r}",
        ]
        if self.lazy:
            inputs.append('mode="lazy"')
        options = {
            "id": repr(FOREIGN) if self.read else "",
            "protect": "True" if self.protect else "",
            "retain_on_delete": "True" if self.retain_on_delete else "",
            "delete_before_replace": (
                "" if self.delete_before_replace is None else repr(self.delete_before_replace)
            ),
            "ignore_changes": repr(list(self.ignore_changes)) if self.ignore_changes else "",
            "replace_on_changes": (
                repr(list(self.replace_on_changes)) if self.replace_on_changes else ""
            ),
            "additional_secret_outputs": (
                repr(list(self.additional_secret_outputs)) if self.additional_secret_outputs else ""
            ),
            "hide_diffs": repr(list(self.hide_diffs)) if self.hide_diffs else "",
            "parent": self.group,
            "depends_on": f"[{self.depends_on}]" if self.depends_on else "",
            "aliases": f"[{self._aliases()}]" if self._aliases() else "",
        }
        set_options = ", ".join(f"{name}={text}" for name, text in options.items() if text)
        arguments = ", ".join([repr(self.name), *inputs, f"opts=ResourceOptions({set_options})"])
        return f"{self.name} = Thing({arguments})"

    def _aliases(self) -> str:
        before = []
        if self.alias:
            before.append(f"Alias(name={self.alias!r})")
        if self.moved_from is not None:
            before.append(f"Alias(parent={self.moved_from or None})")
        return ", ".join(before)


Program = tuple[Spec, ...]


def source(program: Program) -> str:
    """Return the source of a program."""
    grouped = any(spec.group or spec.moved_from for spec in program)
    lines = [_COMPONENT] if grouped else []
    lines += [spec.source() for spec in program]
    lines += [f'pulumi.export("{spec.name}", {spec.name}.value)' for spec in program]
    return "\n".join(lines) + "\n"


@dataclass(frozen=True)
class Step:
    """One operation, with the changes that are made before it."""

    operation: str
    program: Program
    refresh: bool = False
    drift: tuple[str, int | None] | None = None  # thing, and its new value (None: deleted)
    fail: str = ""  # a call of the provider, such as "create a"
    config: str = ""


_A = Spec("a", additional_secret_outputs=("value",), hide_diffs=("zone",), value=1)
_B = Spec("b", group="group", value_of="a")
_C = Spec("c", group="inner", zone_of="b", lazy=True)
_MOVED = (
    replace(_A, group="inner", moved_from=""),
    replace(_B, group="inner", moved_from="group"),
    replace(_C, group="", moved_from="inner"),
)
MOVES = [
    Step("up", (_A, _B, _C)),
    Step("preview", _MOVED),
    Step("up", _MOVED),
    Step("refresh", _MOVED),
    Step("destroy", _MOVED),
]


@st.composite
def specs(draw: st.DrawFn, name: str, earlier: list[str]) -> Spec:
    """Draw a resource that may depend on earlier ones."""
    reference = st.sampled_from(["", "", "", *earlier])
    rarely = st.sampled_from([False, False, False, False, True])
    paths = st.sampled_from([(), (), (), ("value",), ("zone",)])
    return Spec(
        name,
        value=draw(st.integers(1, 2)),
        value_of=draw(reference),
        zone=draw(st.sampled_from(["x", "x", "y"])),
        zone_of=draw(reference),
        secret=draw(rarely),
        read=draw(st.sampled_from([False] * 9 + [True])),
        lazy=draw(rarely),
        protect=draw(st.sampled_from([False] * 9 + [True])),
        retain_on_delete=draw(rarely),
        delete_before_replace=draw(st.sampled_from([None, None, None, True, False])),
        ignore_changes=draw(paths),
        replace_on_changes=draw(paths),
        additional_secret_outputs=draw(st.sampled_from([(), (), (), ("password",), ("value",)])),
        hide_diffs=draw(st.sampled_from([(), (), (), ("value",)])),
        group=draw(st.sampled_from(["", "", "", "", "", *GROUPS])),
        depends_on=draw(reference),
    )


@st.composite
def programs(draw: st.DrawFn) -> Program:
    """Draw a program."""
    program: list[Spec] = []
    for name in NAMES[: draw(st.integers(1, 4))]:
        program.append(draw(specs(name, [spec.name for spec in program])))
    return tuple(program)


@st.composite
def edited(draw: st.DrawFn, program: Program) -> Program:
    """Draw an edit of a program: add, remove, rename, move or change a resource."""
    kinds = ["change", "change", "none", "add", "remove", "rename", "move"]
    kind = draw(st.sampled_from(kinds))
    names = [spec.name for spec in program]
    free = [name for name in NAMES if name not in names]
    if kind == "add" or not program:
        return (*program, draw(specs(free[0], names))) if free else program
    index = draw(st.integers(0, len(program) - 1))
    if kind == "change":
        changed = draw(specs(names[index], names[:index]))
        return (*program[:index], changed, *program[index + 1 :])
    if kind == "remove":
        return _with_references(program[:index] + program[index + 1 :], names[index], "")
    if kind == "move":
        spec = program[index]
        group = draw(st.sampled_from([name for name in ("", *GROUPS) if name != spec.group]))
        moved = replace(spec, group=group, moved_from=spec.group, alias="")
        return (*program[:index], moved, *program[index + 1 :])
    if kind == "rename" and free:
        renamed = replace(program[index], name=free[-1], alias=names[index], moved_from=None)
        changed_program = (*program[:index], renamed, *program[index + 1 :])
        return _with_references(changed_program, names[index], free[-1])
    return program


def _with_references(program: Program, old: str, new: str) -> Program:
    def other(name: str) -> str:
        return new if name == old else name

    return tuple(
        replace(
            spec,
            value_of=other(spec.value_of),
            zone_of=other(spec.zone_of),
            depends_on=other(spec.depends_on),
        )
        for spec in program
    )


@st.composite
def histories(draw: st.DrawFn) -> list[Step]:
    """Draw a history. It starts with an `up`."""
    program = draw(programs())
    steps = [Step("up", program)]
    for _ in range(draw(st.integers(1, 4))):
        program = draw(edited(program))
        operation = draw(
            st.sampled_from(["up", "up", "up", "up", "preview", "preview", "refresh", "destroy"])
        )
        thing = f"{draw(st.sampled_from([spec.name for spec in program] or ['a']))}-1"
        steps.append(
            Step(
                operation,
                program,
                refresh=operation in ("up", "preview") and draw(st.integers(0, 5)) == 0,
                drift=draw(st.sampled_from([None, None, None, None, (thing, 7), (thing, None)])),
                fail=draw(
                    st.sampled_from(
                        [""] * 9 + [f"create {thing[0]}", f"update {thing[0]}", f"delete {thing}"]
                    )
                ),
                config=draw(st.sampled_from(["", "", "", "1", "2"])),
            )
        )
    return steps
