"""An app as a resource of a native plugin, without a generated SDK."""

import pulumi


class NativeApp(pulumi.CustomResource):
    """Has the name and the outputs of an app, whatever the package."""

    def __init__(self, package: str, name: str) -> None:
        outputs = dict.fromkeys(("appId", "orgId", "orgName"))
        super().__init__(f"{package}:index:App", name, {"appName": name, **outputs})
