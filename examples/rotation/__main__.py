"""A key that is renewed every night, and a worker that goes on with the new one.

pulumi config set keyFile /run/worker/api-key               # where the worker reads its key
pulumi config set reload "systemctl reload worker"          # run when there is a new one
pulumi config set leak 2026-11-23                           # renew at once: see README.md
"""

import shlex

import pulumi
from service import Service  # type: ignore[import-not-found] # it lies beside this program

import parallel_provider as parallel

config = pulumi.Config()
reload_command = config.get("reload")

app = parallel.App("worker")

key = parallel.RotatingApiKey(
    "worker",
    app_id=app.app_id,
    # Less than a day: a run that starts a minute earlier than last night's must not skip one.
    rotate_after="20h",
    # How long the worker has for taking up the new key.
    overlap=config.get("overlap") or "2h",
    triggers={"leak": config.get("leak")},
)

# Whatever is given the key here is updated in the run that renews it.
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
