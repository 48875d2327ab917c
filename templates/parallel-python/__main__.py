"""An app at Parallel, and an API key that is rotated without downtime."""

import pulumi

import parallel_provider as parallel

config = pulumi.Config()

# In production, set protect=True for the app and for its keys: `protect` doesn't hinder a rotation.
app = parallel.App(pulumi.get_project())
key = parallel.RotatingApiKey(
    "service",
    app_id=app.app_id,
    rotate_after=config.get("rotateAfter") or "30d",
    # How long the previous key works after a rotation: deploy the new one in this time.
    overlap="1d",
)

pulumi.export("app_id", app.app_id)
pulumi.export("raw_api_key", key.raw_api_key)  # a secret
pulumi.export("next_rotation", key.next_rotation_time)
