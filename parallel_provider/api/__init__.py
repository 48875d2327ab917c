"""The Account API as typed calls: one method for each endpoint, with models and errors.

- `client`: the methods
- `models`: what the answers hold, and how they are read
- `errors`: what can go wrong, and how an answer becomes an error
- `transport`: one request, with its access token, its deadline and its other attempts
- `identity`: the organization and the person of the access tokens

This package knows the API's format. It doesn't know Pulumi, resources, or where access tokens come
from: the caller gives it a source of tokens.
"""

from __future__ import annotations

from parallel_provider.api.client import AccountApi, RetryPolicy
from parallel_provider.api.errors import (
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
from parallel_provider.api.models import AppItem, Apps, Balance, CreatedApiKey, CreatedSecret

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
    "CreatedSecret",
    "NoAnswerError",
    "NotFoundError",
    "PermissionDeniedError",
    "RateLimitedError",
    "RetryPolicy",
    "ServerError",
    "StatusError",
    "WrongOrganizationError",
]
