"""What stands in users' states and must not move: names of modules and classes, type tokens."""

from __future__ import annotations

import base64
import pickle

import pytest
from pulumi.dynamic import Resource, ResourceProvider
from pulumi.dynamic.dynamic import serialize_provider

import parallel_provider as parallel
from parallel_provider.dynamic import (
    ApiKeyProvider,
    AppProvider,
    BalanceTopUpProvider,
    RotatingApiKeyProvider,
)

# As pickled by protocol 4, the default of Python 3.10 to 3.13.
PINNED: dict[type[ResourceProvider], str] = {
    AppProvider: "gASVMAAAAAAAAACMGXBhcmFsbGVsX3Byb3ZpZGVyLmR5bmFtaWOUjAtBcHBQcm92aWRlcpSTlCmBlC4=",
    ApiKeyProvider: (
        "gASVMwAAAAAAAACMGXBhcmFsbGVsX3Byb3ZpZGVyLmR5bmFtaWOUjA5BcGlLZXlQcm92aWRlcpSTlCmBlC4="
    ),
    RotatingApiKeyProvider: (
        "gASVOwAAAAAAAACMGXBhcmFsbGVsX3Byb3ZpZGVyLmR5bmFtaWOUjBZSb3RhdGluZ0FwaUtleVByb3ZpZGVylJOUKYGULg=="
    ),
    BalanceTopUpProvider: (
        "gASVOQAAAAAAAACMGXBhcmFsbGVsX3Byb3ZpZGVyLmR5bmFtaWOUjBRCYWxhbmNlVG9wVXBQcm92aWRlcpSTlCmBlC4="
    ),
}


@pytest.mark.parametrize(("provider", "text"), PINNED.items())
def test_provider_in_the_state_is_pinned(provider: type[ResourceProvider], text: str) -> None:
    """States hold this very text; renaming a module or a class would break them all."""
    assert type(pickle.loads(base64.b64decode(text))) is provider  # noqa: S301 - our own text
    assert len(text) < 100
    if pickle.DEFAULT_PROTOCOL == 4:
        assert serialize_provider(provider()) == text
    assert provider.serialize_as_secret_always is False
    assert vars(provider()) == {}


@pytest.mark.parametrize(
    ("resource", "token"),
    [
        (parallel.App, "pulumi-python:dynamic/parallel:App"),
        (parallel.ApiKey, "pulumi-python:dynamic/parallel:ApiKey"),
        (parallel.RotatingApiKey, "pulumi-python:dynamic/parallel:RotatingApiKey"),
        (parallel.BalanceTopUp, "pulumi-python:dynamic/parallel:BalanceTopUp"),
    ],
)
def test_type_token_is_pinned(resource: type[Resource], token: str) -> None:
    """A resource of another token is another resource: the old one would be deleted."""
    assert f"pulumi-python:{resource._resource_type_name}" == token
