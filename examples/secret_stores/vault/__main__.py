"""A key that lives in Vault's key-value store, and nowhere else.

pulumi config set mount secret              # of the kv engine
pulumi config set path parallel/search      # the secret, whose field api_key is the key
"""

import pulumi

import parallel_provider as parallel

config = pulumi.Config()

app = parallel.App("search")

key = parallel.RotatingApiKey(
    "search",
    app_id=app.app_id,
    rotate_after="30d",
    # At least as long as readers cache what they have read.
    overlap="2d",
    # `-` is Vault's name for its standard input; `put` makes a new version of the secret.
    deliver_command=[
        *("vault", "kv", "put"),
        f"-mount={config.get('mount') or 'secret'}",
        config.get("path") or "parallel/search",
        "api_key=-",
    ],
    keep_raw_api_key=False,
)

pulumi.export("key", key.display_value)
pulumi.export("fingerprint", key.raw_api_key_fingerprint)
