import pulumi

import parallel_provider as parallel

names = sorted(app.app_name for app in parallel.get_apps().apps)

pulumi.export("names", names)
