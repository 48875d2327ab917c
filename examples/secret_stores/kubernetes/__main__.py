"""A key that lives in a Kubernetes secret, and nowhere else.

pulumi config set namespace search          # where the secret `parallel-api-key` goes
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
    # At least as long as a rollout of what reads the secret takes.
    overlap="2d",
    # There is no shell behind a deliver_command: what takes a pipe is a script.
    deliver_command=[
        *("sh", str(Path(__file__).with_name("apply_secret.sh"))),
        *("parallel-api-key", config.get("namespace") or "default"),
    ],
    keep_raw_api_key=False,
)

pulumi.export("key", key.display_value)
# For an annotation of the pods that use the secret: see docs/secret-stores.md.
pulumi.export("fingerprint", key.raw_api_key_fingerprint)
