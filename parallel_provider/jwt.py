"""Read the claims of a JSON Web Token (RFC 7519) without checking its signature.

Only the server can check a token. What is read here is for messages, and for telling one person's
tokens from another's.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping


def claims_of(token: str) -> Mapping[str, object]:
    """Return the claims; none if the text is no JWT whose claims can be read."""
    try:
        payload = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except (IndexError, ValueError, RecursionError):
        return {}
    return claims if isinstance(claims, dict) else {}
