"""The policy pack's rules, for the types and inputs of both providers."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from parallel_policies import PRODUCTION
from parallel_rules import (
    Resource,
    apps_and_keys_are_protected,
    duration_seconds,
    no_provider_has_a_token,
    no_token_is_stored,
    raw_keys_are_safe,
    rotates_in_time,
    top_ups_are_limited,
)
from pydantic.alias_generators import to_camel

from parallel_provider.lifecycle import RESOURCES, lifecycle_of
from parallel_provider.lifecycle.declare import Duration
from parallel_provider.plugin.schema import dynamic_token, token

# A new one of them has to be added to `_WITH_A_RAW_SECRET` of the rules.
WITH_A_RAW_SECRET = [
    kind
    for kind in RESOURCES
    for fields in [lifecycle_of(kind).state_type.model_fields]
    if any("SecretStr" in str(each.annotation) for each in fields.values())
]
both = pytest.mark.parametrize("native", [False, True])


def resource(native: bool, kind: str, *, is_protected: bool = False, **inputs: Any) -> Resource:  # noqa: ANN401 - JSON
    """Return a resource as a program in Python declares it, or one with the native plugin."""
    if native:
        inputs = {to_camel(name): value for name, value in inputs.items()}
    name = token(kind) if native else dynamic_token(kind)
    return Resource(name, inputs, is_protected)


@both
@pytest.mark.parametrize("kind", RESOURCES)
def test_types_of_both_providers_are_known(kind: str, native: bool) -> None:
    """Also that of each resource that there is."""
    assert resource(native, kind).kind == kind


@pytest.mark.parametrize("name", ["aws:s3:Bucket", "parallel:index:", "xparallel:index:App", ""])
def test_other_types_are_none_of_ours(name: str) -> None:
    """No rule says anything about them."""
    other = Resource(name, {"rotate_after": "999d"})
    assert other.kind is None
    assert list(rotates_in_time(other, 1)) == []
    assert list(raw_keys_are_safe(other, "", {})) == []
    assert list(apps_and_keys_are_protected(other, "prod", PRODUCTION)) == []
    assert list(top_ups_are_limited(other)) == []
    assert list(no_provider_has_a_token(other)) == []


@both
@pytest.mark.parametrize(
    ("rotate_after", "is_refused"),
    [
        ("90d", False),
        ("89d23h", False),
        ("P90D", False),
        ("90d1s", True),
        ("13w", True),
        ("P91D", True),
        ("2161h", True),
        ("", True),
        ("soon", True),
        (90, True),
        (None, True),
    ],
)
def test_key_that_rotates_too_late_is_refused(
    rotate_after: object, is_refused: bool, native: bool
) -> None:
    """A duration that nobody understands is too."""
    key = resource(native, "RotatingApiKey", rotate_after=rotate_after)
    problems = list(rotates_in_time(key, 90))
    assert bool(problems) == is_refused
    assert all("at most 90 days" in problem for problem in problems)


@given(st.from_regex(r"\A[0-9PTwdhmsWDHMS]{0,8}\Z"))
def test_durations_are_those_of_the_provider(text: str) -> None:
    """What the provider accepts is read in the same way."""
    try:
        expected = Duration(text).seconds
    except ValueError:
        return
    assert duration_seconds(text) == expected


@both
@pytest.mark.parametrize("kind", WITH_A_RAW_SECRET)
@pytest.mark.parametrize(
    ("secrets_provider", "passphrase", "problem"),
    [
        ("", "x", "nothing says how it is encrypted"),
        ("default", "", None),
        ("passphrase", "x", None),
        ("passphrase", "", "the passphrase is empty"),
        ("passphrase", None, None),
        ("awskms://alias/x", "", None),
        ("gcpkms://x", "", None),
        ("none", "x", "'none' is no secrets provider"),
        ("http://awskms://", "x", "is no secrets provider"),
    ],
)
def test_raw_key_needs_an_encrypted_state(
    kind: str, secrets_provider: str, passphrase: str | None, problem: str | None, native: bool
) -> None:
    """Unless the state doesn't keep it."""
    environment = {} if passphrase is None else {"PULUMI_CONFIG_PASSPHRASE": passphrase}
    for keep in ({}, {"keep_raw_api_key": True}):
        key = resource(native, kind, **keep)
        found = list(raw_keys_are_safe(key, secrets_provider, environment))
        assert len(found) == (problem is not None)
        assert problem is None or problem in found[0]
    without = resource(native, kind, keep_raw_api_key=False)
    assert list(raw_keys_are_safe(without, secrets_provider, environment)) == []


@both
@pytest.mark.parametrize(
    ("stack", "is_production"),
    [
        ("prod", True),
        ("production", True),
        ("eu-prod-2", True),
        ("acme/shop/Live", True),
        ("dev", False),
        ("product", False),
        ("nonprod", False),
        ("delivery", False),
    ],
)
def test_app_of_production_is_protected(stack: str, is_production: bool, native: bool) -> None:
    """And so is each key, as a destroy could revoke it before it meets a protected app."""
    for kind in ("App", *WITH_A_RAW_SECRET):
        unsafe, safe = (resource(native, kind, is_protected=yes) for yes in (False, True))
        assert bool(list(apps_and_keys_are_protected(unsafe, stack, PRODUCTION))) == is_production
        assert list(apps_and_keys_are_protected(safe, stack, PRODUCTION)) == []
    top_up = resource(native, "BalanceTopUp")
    assert list(apps_and_keys_are_protected(top_up, stack, PRODUCTION)) == []


def test_setting_that_is_no_regular_expression_is_named() -> None:
    """No app is accepted with it."""
    [problem] = apps_and_keys_are_protected(resource(native=True, kind="App"), "dev", "(")
    assert "stacks in the configuration of this policy is no regular expression" in problem


@both
def test_top_up_without_a_limit_is_refused(native: bool) -> None:
    """With one, it isn't."""
    open_end = resource(native, "BalanceTopUp", amount_cents=100)
    limited = resource(native, "BalanceTopUp", amount_cents=100, monthly_limit_cents=1_000)
    assert len(list(top_ups_are_limited(open_end))) == 1
    assert list(top_ups_are_limited(limited)) == []


@both
def test_problems_name_inputs_as_the_program_does(native: bool) -> None:
    """And values as no language does."""
    key = resource(native, "RotatingApiKey", rotate_after="91d")
    top_up = resource(native, "BalanceTopUp", amount_cents=100)
    found = [
        *rotates_in_time(key, 90),
        *raw_keys_are_safe(key, "", {}),
        *top_ups_are_limited(top_up),
    ]
    text = " ".join(found)
    names = ["rotate_after", "keep_raw_api_key", "deliver_command", "monthly_limit_cents"]
    camel = ["rotateAfter", "keepRawApiKey", "deliverCommand", "monthlyLimitCents"]
    assert all(name in text for name in (camel if native else names))
    assert not any(name in text for name in (names if native else camel))
    assert "False" not in text


def test_stored_token_is_refused_without_its_value() -> None:
    """In the configuration, and as a provider's argument."""
    assert list(no_token_is_stored(["parallel:orgId", "other:accessToken"])) == []
    [problem] = no_token_is_stored(["parallel:accessToken"])
    assert "pulumi config rm parallel:accessToken" in problem

    provider = Resource("pulumi:providers:parallel", {"accessToken": "very-secret"})
    [problem] = no_provider_has_a_token(provider)
    assert "very-secret" not in problem
    assert list(no_provider_has_a_token(Resource("pulumi:providers:parallel", {}))) == []
    assert list(no_provider_has_a_token(Resource("pulumi:providers:aws", provider.inputs))) == []
