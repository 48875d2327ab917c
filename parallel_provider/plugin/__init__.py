"""The native plugin of the package `parallel`, for programs in all of Pulumi's languages.

Translates between Pulumi's provider protocol and the lifecycle. Decides nothing itself.
"""

from __future__ import annotations
