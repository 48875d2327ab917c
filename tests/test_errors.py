"""The errors: the docstring draws their tree, and no text of one tells a secret."""

from __future__ import annotations

import inspect
from types import ModuleType

import pytest

from parallel_provider import errors
from parallel_provider.api import errors as api_errors
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


@pytest.mark.parametrize("module", [errors, api_errors], ids=lambda module: module.__name__)
def test_tree_of_the_docstring_names_every_error(module: ModuleType) -> None:
    """What a reader looks up is there."""
    drawn = {word for word in (module.__doc__ or "").split() if word.endswith("Error")}
    defined = inspect.getmembers(module, inspect.isclass)

    assert drawn - {"ApiError"} == {
        name
        for name, kind in defined
        if kind.__module__ in (module.__name__, "parallel_provider") and name != "ApiError"
    }


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
