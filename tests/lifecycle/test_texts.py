"""Texts for users name inputs and outputs so that each door can spell them its own way."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from parallel_provider import lifecycle
from parallel_provider.lifecycle import FUNCTIONS, RESOURCES, function_of, lifecycle_of

FOLDER = Path(lifecycle.__file__).parent
MODELS = [
    model
    for kind in RESOURCES
    for model in (lifecycle_of(kind).inputs_type, lifecycle_of(kind).state_type)
] + [function_of(name).inputs_type for name in FUNCTIONS]
# Names of one word are the same in both doors.
FIELDS = {name for model in MODELS for name in model.model_fields if "_" in name}
NAMES_A_FIELD = re.compile(rf"\b(?:{'|'.join(sorted(FIELDS))})\b")


def without_field_name(source: str) -> list[str]:
    """Return the texts of a module that name a field of several words as it is.

    A literal that is a name and nothing else is a key, not a text. Documents are no texts for
    users: docstrings, descriptions, and what `OnChange` says.
    """
    tree = ast.parse(source)
    documents = {id(part) for root in _documents(tree) for part in ast.walk(root)}
    in_texts = {
        id(part)
        for node in ast.walk(tree)
        if isinstance(node, ast.JoinedStr)
        for part in node.values
    }
    return [
        f"line {node.lineno}: {node.value}"
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and id(node) not in documents
        and NAMES_A_FIELD.search(node.value)
        and (id(node) in in_texts or not NAMES_A_FIELD.fullmatch(node.value))
    ]


def _documents(tree: ast.AST) -> Iterator[ast.AST]:
    for node in ast.walk(tree):
        match node:
            case (
                ast.Expr(value=ast.Constant())
                | ast.keyword(arg="description")
                | ast.Call(func=ast.Name(id="OnChange"))
            ):
                yield node


def test_texts_name_fields_by_field_name() -> None:
    """Otherwise a user of the native plugin reads `app_id`, and has `appId` in the program."""
    found = {path.name: without_field_name(path.read_text()) for path in FOLDER.glob("*.py")}

    assert {name: texts for name, texts in found.items() if texts} == {}
    assert {"app.py", "keys.py", "balance_top_up.py", "functions.py"} <= set(found)


def test_text_without_field_name_is_found() -> None:
    """Each of the forms in which a text can name a field."""
    for text in ('"set app_id"', 'f"{x}: app_id {y}"', 'f"{x}app_id"', '("a " "rotate_after, b")'):
        assert without_field_name(f"f({text})"), text
    for other in ('f("app_id")', "f(f\"set {field_name('app_id')}\")", '"""Has app_id."""'):
        assert not without_field_name(other), other
