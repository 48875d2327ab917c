"""Access tokens: where they come from, how they are kept fresh.

Knows OAuth, the stored sign-in and httpx's `Auth` interface; knows nothing of the Account API's
resources, of Pulumi or of the command line.
"""

from __future__ import annotations
