"""The errors: the docstring draws their tree, and no text of one tells a secret."""

from __future__ import annotations

import inspect

import pytest

from parallel_provider import errors
from parallel_provider.errors import (
    CredentialsError,
    InternalError,
    ParallelError,
    ResourceError,
    SettingsError,
)
from parallel_provider.printable import MASK, remember_secret

JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ0ZXN0In0.c2lnbmF0dXJlLW9mLXRlc3Q"
RAW_KEY = "pk-of-no-known-shape-7"


def test_tree_of_the_docstring_names_every_error() -> None:
    """What a reader looks up is there."""
    drawn = {word for word in (errors.__doc__ or "").split() if word.endswith("Error")}

    assert drawn == {name for name, _ in inspect.getmembers(errors, inspect.isclass)}


def test_text_is_one_line_without_secrets() -> None:
    """Whoever raises an error may have quoted a server."""
    remember_secret(RAW_KEY)

    assert str(ParallelError(f"sent {JWT} and\n{RAW_KEY}")) == f"sent {MASK} and {MASK}"


@pytest.mark.parametrize(
    "kind", [ResourceError, InternalError, SettingsError, CredentialsError], ids=str
)
def test_errors_that_pulumi_prints_have_a_short_name(kind: type[ParallelError]) -> None:
    """A dynamic provider's failure begins with the type's module and name."""
    assert kind.__module__ == "parallel_provider"
