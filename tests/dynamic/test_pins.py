"""What stands in users' states and must not move: names of modules and classes, type tokens."""

from __future__ import annotations

import base64
import pickle

import pytest
from pulumi.dynamic.dynamic import serialize_provider

import parallel_provider as parallel
from parallel_provider import dynamic
from parallel_provider.lifecycle import RESOURCES

# As pickled by protocol 4, the default of Python 3.10 to 3.13.
PINNED = {
    "App": "gASVMAAAAAAAAACMGXBhcmFsbGVsX3Byb3ZpZGVyLmR5bmFtaWOUjAtBcHBQcm92aWRlcpSTlCmBlC4=",
    "ApiKey": (
        "gASVMwAAAAAAAACMGXBhcmFsbGVsX3Byb3ZpZGVyLmR5bmFtaWOUjA5BcGlLZXlQcm92aWRlcpSTlCmBlC4="
    ),
    "RotatingApiKey": (
        "gASVOwAAAAAAAACMGXBhcmFsbGVsX3Byb3ZpZGVyLmR5bmFtaWOUjBZSb3RhdGluZ0FwaUtleVByb3ZpZGVylJOUKYGULg=="
    ),
    "BalanceTopUp": (
        "gASVOQAAAAAAAACMGXBhcmFsbGVsX3Byb3ZpZGVyLmR5bmFtaWOUjBRCYWxhbmNlVG9wVXBQcm92aWRlcpSTlCmBlC4="
    ),
}


@pytest.mark.parametrize("kind", RESOURCES)
def test_provider_in_the_state_is_pinned(kind: str) -> None:
    """States hold this very text; renaming a module or a class would break them all."""
    provider = dynamic.PROVIDERS[kind]
    written = serialize_provider(provider())
    assert kind in PINNED, f"add {kind!r}: {written!r} to PINNED: from now on, states have it"
    text = PINNED[kind]
    assert type(pickle.loads(base64.b64decode(text))) is provider  # noqa: S301 - our own text
    assert len(text) < 100
    if pickle.DEFAULT_PROTOCOL == 4:
        assert written == text
    assert provider.serialize_as_secret_always is False
    assert vars(provider()) == {}
    assert getattr(dynamic, f"{kind}Provider") is provider


@pytest.mark.parametrize("kind", RESOURCES)
def test_type_token_is_pinned(kind: str) -> None:
    """A resource of another token is another resource: the old one would be deleted."""
    assert getattr(parallel, kind)._resource_type_name == f"dynamic/parallel:{kind}"
