"""What to do with each resource: check, diff, create, read, update, delete as typed functions.

Knows the Account API's client and the rules of each resource. Knows nothing of Pulumi's SDK, its
wire format or HTTP, so that a dynamic provider and a native plugin can stand on the same code.
One file a resource, each reading from its inputs to its deletion.
"""

from __future__ import annotations
