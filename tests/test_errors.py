"""The error tree: every class has one public name, can be pickled and caught, and keeps secrets."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

import parallel_provider
from parallel_provider import errors
from parallel_provider.errors import ParallelError, ServerError, SettingsError
from parallel_provider.printable import MASK, remember_secret

JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ0ZXN0In0.c2lnbmF0dXJlLW9mLXRlc3Q"
RAW_KEY = "pk-of-no-known-shape-7"
STATUS: dict[str, Any] = {"status_code": 503, "request_id": "req-7", "retry_after": 1.5}
ATTRIBUTES: dict[str, dict[str, Any]] = {
    "AnswerError": {"created_id": "11111111-1111-4111-8111-111111111111"},
    "OAuthError": {"code": "invalid_grant"},
    "SignInUnavailableError": {"may_have_worked": True, "retry_after": 2.0},
    "StatusError": STATUS,
}


def tree(kind: type[ParallelError]) -> Iterator[type[ParallelError]]:
    """Give a class and all that extend it, in this package."""
    yield kind
    for child in kind.__subclasses__():
        if child.__module__.startswith("parallel_provider"):
            yield from tree(child)


def load_everything() -> list[type[ParallelError]]:
    """Import what may define an error, and return the tree."""
    for name in ("cli.program", "cli.login", "dynamic", "lifecycle.balance_top_up", "api.client"):
        __import__(f"parallel_provider.{name}")
    return list(tree(ParallelError))


ALL = load_everything()


def attributes_of(kind: type[ParallelError]) -> dict[str, Any]:
    """Return the attributes that an error of this class is made with."""
    return next(
        (ATTRIBUTES[base.__name__] for base in kind.__mro__ if base.__name__ in ATTRIBUTES), {}
    )


@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.__name__)
def test_public_name_is_the_class(kind: type[ParallelError]) -> None:
    """The name that a traceback shows can be imported, and it is one and the same class."""
    assert kind.__module__ == "parallel_provider"
    assert kind.__qualname__ in parallel_provider.__all__
    assert kind.__qualname__ in dir(parallel_provider)
    assert getattr(parallel_provider, kind.__qualname__) is kind
    assert getattr(errors, kind.__qualname__) is kind


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.__name__)
def test_pickle_keeps_type_text_and_attributes(kind: type[ParallelError], protocol: int) -> None:
    """An error may come from another process, and its secrets stay masked there."""
    remember_secret(RAW_KEY)
    attributes = attributes_of(kind)
    error = kind(f"sent {JWT} and\n{RAW_KEY}", **attributes)

    pickled = pickle.dumps(error, protocol)
    loaded = pickle.loads(pickled)  # noqa: S301 - it is our own

    assert type(loaded) is kind
    assert str(loaded) == str(error) == f"sent {MASK} and {MASK}"
    assert loaded.args == error.args
    assert vars(loaded) == vars(error) == attributes
    for secret in (JWT, RAW_KEY):
        assert secret.encode() not in pickled
    assert type(copy.deepcopy(error)) is kind


def test_tree_of_the_docstring_names_every_error() -> None:
    """What a reader looks up is there."""
    drawn = {word for word in (errors.__doc__ or "").split() if word.endswith("Error")}

    assert drawn == {kind.__name__ for kind in ALL}
    assert {name for name in parallel_provider.__all__ if name.endswith("Error")} == drawn


def test_error_is_caught_by_its_public_name() -> None:
    """By its own name and by those of its bases; what was learnt from it stays."""
    for name in ("ServerError", "StatusError", "ApiError", "ParallelError"):
        with pytest.raises(getattr(parallel_provider, name)) as caught:
            raise ServerError("no", **STATUS)
        assert caught.value.status_code == 503
        assert not caught.value.may_have_worked
    assert parallel_provider.SettingsError is SettingsError


def test_unpickling_needs_no_import_before() -> None:
    """A fresh process finds the class by its public name, and loads neither Pulumi nor pydantic."""
    pickled = pickle.dumps(ServerError("no", **STATUS))
    program = (
        "import pickle, sys\n"
        f"error = pickle.loads({pickled!r})\n"
        "assert (str(error), error.retry_after) == ('no', 1.5)\n"
        "assert not {'pulumi', 'pydantic', 'httpx'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)


def test_name_that_is_none_is_an_attribute_error() -> None:
    """A name that merely looks like an error's isn't looked for anywhere."""
    with pytest.raises(AttributeError, match="no attribute 'NoSuchError'"):
        parallel_provider.NoSuchError  # noqa: B018 - it is looked up
