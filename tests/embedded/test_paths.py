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
