"""A key that is stored only in a Kubernetes secret.

pulumi config set namespace search          # the namespace of the secret `parallel-api-key`
"""

from pathlib import Path

import pulumi

import parallel_provider as parallel

config = pulumi.Config()

app = parallel.App("search")

key = parallel.RotatingApiKey(
    "search",
    app_id=app.app_id,
    rotate_after="30d",
    # At least the time that a rollout of the secret's readers takes.
    overlap="2d",
    # A deliver_command runs without a shell, so a pipe needs a script.
    deliver_command=[
        *("sh", str(Path(__file__).with_name("apply_secret.sh"))),
        *("parallel-api-key", config.get("namespace") or "default"),
    ],
    keep_raw_api_key=False,
)

pulumi.export("key", key.display_value)
# For an annotation of the pods that use the secret: see docs/secret-stores.md.
pulumi.export("fingerprint", key.raw_api_key_fingerprint)
