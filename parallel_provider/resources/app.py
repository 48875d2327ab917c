"""App: a group of API keys in a Parallel organization."""

import pulumi

from parallel_provider.resources._resource import ParallelResource, refuse_unsendable


class App(ParallelResource, module="parallel", name="App"):
    """An app of a Parallel organization: the group that API keys belong to.

    A change of `app_name` replaces the app and all its keys. The new keys exist before the old keys
    stop working. `pulumi destroy` deletes an app that it has created, and the server revokes its
    keys. An app that the program declares as existing (`adopt_existing` or `existing_app_id`) is
    never deleted, also if this created it. An app that another resource of the same run has, or
    that a key that stays is in, isn't deleted either. One app in two resources is refused.

    API: POST /service/v1/apps, GET /service/v1/apps, DELETE /service/v1/apps/{app_id}.
    """

    app_id: pulumi.Output[str]
    """The app's id, a UUID; also the resource's id."""
    app_name: pulumi.Output[str]
    """The app's name. Several apps of an organization can have the same name."""
    org_id: pulumi.Output[str]
    """The organization's id."""
    org_name: pulumi.Output[str]
    """The organization's name."""

    _name_input = "app_name"
    _instead_of_import = "adopt the app with existing_app_id or adopt_existing"

    def __init__(
        self,
        resource_name: str,
        *,
        app_name: pulumi.Input[str] | None = None,
        adopt_existing: pulumi.Input[bool] = False,
        existing_app_id: pulumi.Input[str] | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Declare an app.

        :param resource_name: the name within the program.
        :param app_name: the name in the Parallel console, sent as it is. It is `resource_name` if
            not given. It then stays until you give another one, or the app is replaced.
        :param adopt_existing: adopt the app of this name if there is exactly one, create it if
            there is none, and refuse, with their ids, if there are several. Preview and `up` say
            which app it is.
        :param existing_app_id: adopt exactly this app; refused if it isn't there or has another
            name. This and `adopt_existing` matter when the resource is created, and when it is
            deleted: once the program has said one of them, the app is never deleted at the server.
        :param opts: Pulumi's resource options.
        """
        super().__init__(
            resource_name,
            {
                "app_name": app_name,
                "adopt_existing": None if adopt_existing is False else adopt_existing,
                "existing_app_id": existing_app_id,
            },
            opts,
        )

    @staticmethod
    def get(
        resource_name: str,
        app_id: pulumi.Input[str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> "App":
        """Read an app that this program doesn't manage; fails if there is none of this id.

        API: GET /service/v1/apps.
        """
        refuse_unsendable("App", resource_name, {"app_id": app_id})
        return App(
            resource_name,
            opts=pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(id=app_id)),
        )
