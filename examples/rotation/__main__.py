"""A key that is rotated every night, and a worker that reloads it.

pulumi config set keyFile /run/worker/api-key               # where the worker reads its key
pulumi config set reload "systemctl reload worker"          # is run after each new key
pulumi config set leak 2026-11-23                           # rotates at once: see README.md
"""

import shlex

import pulumi
from service import Service  # type: ignore[import-not-found] # it is beside this program

import parallel_provider as parallel

config = pulumi.Config()
reload_command = config.get("reload")

app = parallel.App("worker")

key = parallel.RotatingApiKey(
    "worker",
    app_id=app.app_id,
    # Less than a day, so that a run rotates even if it starts a bit earlier than the night before.
    rotate_after="20h",
    # The time that the worker has to load the new key.
    overlap=config.get("overlap") or "2h",
    triggers={"leak": config.get("leak")},
)

# A resource that gets the key as an input is updated in the run that rotates the key.
Service(
    "worker",
    api_key=key.raw_api_key,
    key_file=config.require("keyFile"),
    reload_command=shlex.split(reload_command) if reload_command else None,
)

pulumi.export("current_key", key.display_value)
pulumi.export("generation", key.generation)
pulumi.export("next_rotation_at", key.next_rotation_at)
pulumi.export("previous_expires_at", key.previous_expires_at)
