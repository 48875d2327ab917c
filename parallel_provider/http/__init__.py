"""HTTP for the API and the sign-in: single requests to one host, limited in time and size.

`sender` sends a request and classifies its failure; `messages` reads headers, and can be imported
without httpx.
"""

from __future__ import annotations
