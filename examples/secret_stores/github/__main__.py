"""A key that is stored only in a GitHub repository's Actions secrets.

pulumi config set repository acme/search    # its workflows use secrets.PARALLEL_API_KEY
"""

import pulumi

import parallel_provider as parallel

config = pulumi.Config()

app = parallel.App("search")

key = parallel.RotatingApiKey(
    "search-ci",
    app_id=app.app_id,
    rotate_after="30d",
    # A workflow run that was queued before a rotation still has the previous key.
    overlap="2d",
    # Without --body, `gh` reads the secret's value from its standard input.
    deliver_command=[
        *("gh", "secret", "set", "PARALLEL_API_KEY"),
        *("--repo", config.require("repository")),
    ],
    keep_raw_api_key=False,
)

pulumi.export("key", key.display_value)
pulumi.export("fingerprint", key.raw_api_key_fingerprint)
