"""HTTP for the API and the sign-in: single requests to one host, limited in time and size.

`sender` sends a request and classifies its failure, `transport` keeps the limits, and `messages`
reads bodies and headers. Only `messages` can be imported without httpx.
"""

from __future__ import annotations
