"""Property paths."""

from __future__ import annotations

from typing import Any

import pytest

from pulumi_embedded import paths
from pulumi_embedded.values import Secret


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("root", ("root",)),
        ("root.nested", ("root", "nested")),
        ("root[0].name", ("root", 0, "name")),
        ('root["with.dot"]', ("root", "with.dot")),
        ('["quo\\"ted"]', ('quo"ted',)),
        ("root[*].name", ("root", "*", "name")),
        ("*", ("*",)),
        ("broken[", ("broken[",)),
    ],
)
def test_path_is_parsed(text: str, path: paths.Path) -> None:
    """Names, indexes, quoted names and wildcards. Any other text is one name."""
    assert paths.parse(text) == path


@pytest.mark.parametrize(
    ("pattern", "path", "covered"),
    [
        ("a", "a.b", True),
        ("a.b", "a", False),
        ("a.*", "a.b.c", True),
        ("*", "a", True),
        ("a[0]", "a[1]", False),
    ],
)
def test_pattern_covers_what_is_below_it(pattern: str, path: str, covered: bool) -> None:
    """A pattern matches its path and all paths below it."""
    assert paths.covers(paths.parse(pattern), paths.parse(path)) is covered


@pytest.mark.parametrize(
    ("old", "new", "changed"),
    [
        ({"a": 1}, {"a": 1}, []),
        ({"a": 1}, {"a": 2}, [("a",)]),
        ({"a": 1}, {}, [("a",)]),
        ({"a": {"b": [1, 2]}}, {"a": {"b": [1, 3, 4]}}, [("a", "b", 1), ("a", "b", 2)]),
        ({"a": 1}, {"a": True}, [("a",)]),
        ({"a": None}, {}, [("a",)]),
    ],
)
def test_changed_yields_the_deepest_paths(old: Any, new: Any, changed: list[paths.Path]) -> None:  # noqa: ANN401
    """A difference inside an object or a list is found there."""
    assert list(paths.changed(old, new)) == changed


@pytest.mark.parametrize(
    ("path", "new", "old", "result"),
    [
        ("", {"a": 2}, {"a": 1}, {"a": 2}),
        ("a", {"a": 2}, {"a": 1}, {"a": 1}),
        ("a", {"a": 2}, {}, {}),
        ("a", {}, {"a": 1}, {"a": 1}),
        ("a.b", {"a": {"b": 2, "c": 2}}, {"a": {"b": 1, "c": 1}}, {"a": {"b": 1, "c": 2}}),
        ("a[1]", {"a": [2, 2]}, {"a": [1, 1]}, {"a": [2, 1]}),
        ("a[1]", {"a": [2]}, {"a": [1, 1]}, {"a": [2]}),
        ("a[*].b", {"a": [{"b": 2}, {"b": 2}]}, {"a": [{"b": 1}]}, {"a": [{"b": 1}, {"b": 2}]}),
        ("a.b", {"a": Secret({"b": 2})}, {"a": Secret({"b": 1})}, {"a": Secret({"b": 1})}),
        ("a.b", {"a": 2}, {"a": {"b": 1}}, {"a": 2}),
    ],
)
def test_reset_restores_the_old_value(
    path: str, new: dict[str, Any], old: dict[str, Any], result: dict[str, Any]
) -> None:
    """The old value, or its absence, is restored. If the path doesn't fit, nothing changes."""
    assert paths.reset(new, old, paths.parse(path)) == result
