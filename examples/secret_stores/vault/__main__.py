"""A key that is stored only in Vault's key-value store.

pulumi config set mount secret              # the mount path of the kv engine
pulumi config set path parallel/search      # the secret; its field `api_key` is the key
"""

import pulumi

import parallel_provider as parallel

config = pulumi.Config()

app = parallel.App("search")

key = parallel.RotatingApiKey(
    "search",
    app_id=app.app_id,
    rotate_after="30d",
    # At least the time for which readers cache the key.
    overlap="2d",
    # `-` makes Vault read its standard input. `put` creates a new version of the secret.
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
