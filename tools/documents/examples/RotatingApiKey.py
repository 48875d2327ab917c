import pulumi

import parallel_provider as parallel

app = parallel.App("search")

# The first `pulumi up` after 30 days makes a new key. The old one works for two days more.
key = parallel.RotatingApiKey("svc", app_id=app.app_id, rotate_after="30d", overlap="2d")

pulumi.export("raw_api_key", key.raw_api_key)  # a secret
pulumi.export("next_rotation_at", key.next_rotation_at)
