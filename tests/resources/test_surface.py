"""The public names: all exist, all are documented, and none is there by accident."""

from __future__ import annotations

import inspect
from pathlib import Path

import pytest

import parallel_provider as parallel
from parallel_provider import resources
from parallel_provider.lifecycle import RESOURCES


def test_every_public_name_can_be_imported() -> None:
    """Names are imported lazily, so a misspelt name would only be found by a user."""
    for name in parallel.__all__:
        assert getattr(parallel, name) is getattr(resources, name)
    assert sorted(parallel.__all__) == list(parallel.__all__)


def test_only_names_for_users_complete() -> None:
    """An editor or a shell shows them after `parallel.`."""
    assert {*dir(parallel)} == {*parallel.__all__, "__version__"}


def test_unknown_name_is_an_ordinary_error() -> None:
    """It is an AttributeError as in any module, so `hasattr` and tools work."""
    with pytest.raises(AttributeError, match="has no attribute 'Key'"):
        parallel.Key  # noqa: B018 - asking for it is the test


@pytest.mark.parametrize("kind", RESOURCES)
def test_every_output_and_argument_is_documented(kind: str) -> None:
    """Each has a sentence, and the class's docstring has the API's path."""
    resource = getattr(parallel, kind)
    source = inspect.getsource(resource)
    for output in inspect.get_annotations(resource):
        _, _, after = source.partition(f"    {output}: pulumi.Output[")
        assert after.split("\n", 2)[1].strip().startswith('"""'), output
    for argument in inspect.signature(resource).parameters:
        assert f":param {argument}:" in source, argument
    assert "/service/v1/" in (resource.__doc__ or "")


def test_package_says_that_it_is_typed() -> None:
    """Without the marker, users' type checkers ignore all types."""
    assert (Path(parallel.__file__).parent / "py.typed").exists()
