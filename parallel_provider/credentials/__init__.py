"""Access tokens: where they come from, and how they are renewed.

- `chain`: which source of tokens is used
- `tokens`: the token, the protocol of all sources, and a token that is given as it is
- `command`: tokens from a command
- `stored_sign_in`, `sign_in_file`, `sign_in_document`: tokens from the sign-in file
- `pipeline`: tokens from the refresh token of a pipeline
- `refresh_worker`, `refresh`: the process that renews a token, and what it does
- `oauth`, `oauth_models`, `device_flow`: the requests to the sign-in, their answers, and the login
- `auth`: the token on each request, as an `httpx.Auth`

This package knows OAuth and HTTP. It knows nothing of the Account API's resources, of Pulumi or of
the command line.
"""

from __future__ import annotations
