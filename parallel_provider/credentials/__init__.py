"""Access tokens: where they come from, and how they are renewed.

- `sources`: which source of tokens is used; tokens from a command
- `tokens`: the token, what all sources have in common, and a token that is given as it is
- `stored_sign_in`, `sign_in_file`: tokens from the sign-in file and of a pipeline
- `refresh`: the process that renews a stored token
- `oauth`: the requests to the sign-in, their answers, and the login

This package knows OAuth and HTTP. It knows nothing of the Account API's resources, of Pulumi or of
the command line.
"""

from __future__ import annotations
