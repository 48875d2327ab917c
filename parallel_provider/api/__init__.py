"""The Account API as typed calls: one method for each endpoint, with models and errors.

This package knows httpx and the API's format. It doesn't know Pulumi, resources, or where access
tokens come from: the caller gives it an `httpx.Auth`.
"""

from __future__ import annotations

from parallel_provider.api.client import AccountApi
from parallel_provider.api.models import AppItem, Apps, Balance, CreatedApiKey
from parallel_provider.api.timing import RetryPolicy
from parallel_provider.errors import (
    AnswerError,
    ApiError,
    AuthenticationError,
    ConnectionFailedError,
    NoAnswerError,
    NotFoundError,
    PermissionDeniedError,
    RateLimitedError,
    ServerError,
    StatusError,
    WrongOrganizationError,
)

__all__ = [
    "AccountApi",
    "AnswerError",
    "ApiError",
    "AppItem",
    "Apps",
    "AuthenticationError",
    "Balance",
    "ConnectionFailedError",
    "CreatedApiKey",
    "NoAnswerError",
    "NotFoundError",
    "PermissionDeniedError",
    "RateLimitedError",
    "RetryPolicy",
    "ServerError",
    "StatusError",
    "WrongOrganizationError",
]
