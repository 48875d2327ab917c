"""The rules as policies of Pulumi's engine, with their settings."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable

import pulumi
from parallel_rules import (
    Resource,
    apps_and_keys_are_protected,
    no_provider_has_a_token,
    no_token_is_stored,
    raw_keys_are_safe,
    rotates_in_time,
    top_ups_are_limited,
)
from pulumi_policy import (
    Policy,
    PolicyConfigSchema,
    ReportViolation,
    ResourceValidationArgs,
    ResourceValidationPolicy,
    StackValidationArgs,
    StackValidationPolicy,
)

Rule = Callable[[Resource, ResourceValidationArgs], Iterable[str]]
MAX_DAYS = 90
PRODUCTION = r"(?i)(?:^|[-_./])(?:prod|production|live)(?:$|[-_./])"


def policies() -> list[Policy]:
    """Return all policies of the pack."""
    return [
        _of_resources(
            "parallel-key-rotation",
            "Rotating keys are rotated after at most 90 days.",
            lambda resource, args: rotates_in_time(
                resource, args.get_config().get("maxDays", MAX_DAYS)
            ),
            PolicyConfigSchema({"maxDays": {"type": "number", "default": MAX_DAYS}}),
        ),
        _of_resources(
            "parallel-raw-keys",
            "The state has no raw key, or its secrets are encrypted.",
            lambda resource, args: raw_keys_are_safe(
                resource, args.get_config().get("secretsProvider", ""), os.environ
            ),
            PolicyConfigSchema({"secretsProvider": {"type": "string", "default": ""}}),
        ),
        _of_resources(
            "parallel-protected-apps",
            "Apps and keys are protected in production stacks.",
            lambda resource, args: apps_and_keys_are_protected(
                resource, pulumi.get_stack(), args.get_config().get("stacks", PRODUCTION)
            ),
            PolicyConfigSchema({"stacks": {"type": "string", "default": PRODUCTION}}),
        ),
        _of_resources(
            "parallel-limited-top-ups",
            "Top-ups have a monthly limit.",
            lambda resource, _args: top_ups_are_limited(resource),
        ),
        _of_resources(
            "parallel-no-token-in-providers",
            "Providers have no access token as their argument.",
            lambda resource, _args: no_provider_has_a_token(resource),
        ),
        StackValidationPolicy(
            "parallel-no-stored-token",
            "The stack's configuration has no access token.",
            _check_configuration,
        ),
    ]


def _of_resources(
    name: str, description: str, rule: Rule, settings: PolicyConfigSchema | None = None
) -> Policy:
    def check(args: ResourceValidationArgs, report: ReportViolation) -> None:
        for problem in rule(Resource(args.resource_type, args.props, args.opts.protect), args):
            report(problem, None)

    return ResourceValidationPolicy(name, description, check, config_schema=settings)


def _check_configuration(_args: StackValidationArgs, report: ReportViolation) -> None:
    configured = {"parallel:accessToken"} if pulumi.Config("parallel").get("accessToken") else ()
    for problem in no_token_is_stored(configured):
        report(problem, None)
