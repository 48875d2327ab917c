"""The Account API as typed calls: one method an endpoint, typed structs, one error tree.

Knows httpx and the API's wire format; knows nothing of Pulumi, of resources, or of where access
tokens come from (that is the `httpx.Auth` it is given).
"""

from __future__ import annotations

from parallel_provider.api.client import AccountApi
from parallel_provider.api.models import AppItem, Balance, CreatedApiKey
from parallel_provider.api.timing import RetryPolicy
from parallel_provider.errors import (
    AnswerError,
    ApiError,
    AuthenticationError,
    ConnectionFailedError,
    NoAnswerError,
    NotFoundError,
    PaymentRequiredError,
    PermissionDeniedError,
    RateLimitedError,
    ServerError,
    StatusError,
    ValidationFailedError,
    WrongOrganizationError,
)

__all__ = [
    "AccountApi",
    "AnswerError",
    "ApiError",
    "AppItem",
    "AuthenticationError",
    "Balance",
    "ConnectionFailedError",
    "CreatedApiKey",
    "NoAnswerError",
    "NotFoundError",
    "PaymentRequiredError",
    "PermissionDeniedError",
    "RateLimitedError",
    "RetryPolicy",
    "ServerError",
    "StatusError",
    "ValidationFailedError",
    "WrongOrganizationError",
]
