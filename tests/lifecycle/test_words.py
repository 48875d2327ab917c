"""Texts for users: names of inputs are those of the program's language, and values of no language.

Messages name an input with `field_name`, which each door spells. Descriptions have names between
backticks, which the schema spells in camelCase.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import parallel_provider

PACKAGE = Path(parallel_provider.__file__).parent
_MODULES = ("calls", "commands", "sendable", "session", "settings")
SOURCES = [PACKAGE / f"{name}.py" for name in _MODULES]
for folder in ("api", "credentials", "lifecycle", "plugin"):
    SOURCES += sorted((PACKAGE / folder).rglob("*.py"))
SOURCES += sorted((PACKAGE.parent / "policy").glob("*.py"))
# Names of OAuth and of the JSON that a token command prints.
OTHERS = {"access_token", "expires_at", "invalid_grant"}
_WORDS = re.compile(r"\b[a-z]+(?:_[a-z]+)+\b|\b(?:True|False|None)\b")
_PYTHON = re.compile(r"^(?:import|from) ", re.MULTILINE)


def texts(tree: ast.AST) -> Iterator[tuple[str, bool]]:
    """Yield the texts of a module, and whether each is a description. A docstring is none."""
    docstrings = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    described: set[int] = set()
    parts: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            parts |= {id(value) for value in node.values}
        if isinstance(node, ast.Call):
            name = node.func.id if isinstance(node.func, ast.Name) else ""
            values = [each.value for each in node.keywords if each.arg == "description"]
            for value in [
                *values,
                *(node.args if name in ("OnChange", "ReplaceOnChange", "Setting") else ()),
            ]:
                described |= {id(part) for part in ast.walk(value)}
    for node in ast.walk(tree):
        if not isinstance(node, ast.Constant) or not isinstance(node.value, str):
            continue
        is_text = " " in node.value or id(node) in parts
        if is_text and id(node) not in docstrings and not _PYTHON.search(node.value):
            yield node.value, id(node) in described


def wrong_words(tree: ast.AST) -> set[str]:
    """Return the names in snake_case and the words of Python in texts for users."""
    found: set[str] = set()
    for text, is_description in texts(tree):
        shown = re.sub(r"`[a-z_]+`", "", text) if is_description else text
        found |= set(_WORDS.findall(shown))
    return found - OTHERS


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_texts_have_no_words_of_python(path: Path) -> None:
    """A program in YAML or TypeScript has neither `retain_on_delete` nor `True`."""
    assert wrong_words(ast.parse(path.read_text())) == set()


def test_wrong_words_are_found() -> None:
    """In messages, in their parts, and in descriptions without backticks. Code is no text."""
    module = '''
"""The docstring says app_name and True."""
def check(value, name):
    refuse(f"set retain_on_delete={value}, or None")
    warn(f"the app_id {name} " "isn't True")
    value["api_key_id"] = Field(description="With `app_name`, or with org_name.")
    OnChange("to `rotate_after` and overlap_of")
    info("`rotate_after` has passed")
    run("import os_path")
'''
    found = wrong_words(ast.parse(module))
    expected = {"retain_on_delete", "None", "app_id", "True", "org_name", "overlap_of"}
    assert found == expected | {"rotate_after"}
