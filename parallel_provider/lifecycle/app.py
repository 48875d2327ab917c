"""App: a group of API keys. /service/v1/apps and /service/v1/apps/{app_id}."""

from __future__ import annotations

from typing import ClassVar

from parallel_provider.api import AppItem, NotFoundError
from parallel_provider.lifecycle.app_adoption import adopt_by_id, adopt_or_create
from parallel_provider.lifecycle.app_creation import create_app, ids_of
from parallel_provider.lifecycle.checks import InputCheck
from parallel_provider.lifecycle.errors import LifecycleError
from parallel_provider.lifecycle.resource import Checked, Lifecycle, Model, Props, State
from parallel_provider.lifecycle.run import Run


class AppInputs(Model, frozen=True, kw_only=True):
    """What a user says of an app."""

    app_name: str
    adopt_existing: bool = False
    existing_app_id: str | None = None


class AppState(State, frozen=True, kw_only=True):
    """What is known of an app."""

    app_id: str
    app_name: str
    org_id: str
    org_name: str

    @property
    def resource_id(self) -> str:
        """The app's id."""
        return self.app_id


class AppLifecycle(Lifecycle[AppInputs, AppState]):
    """Apps have a name and nothing else; there is no renaming."""

    kind: ClassVar[str] = "App"
    name_input: ClassVar[str] = "app_name"
    known_by: ClassVar[str] = "app_id"
    replaced_by: ClassVar[tuple[str, ...]] = ("app_name",)
    inputs_type = AppInputs
    state_type = AppState

    def check(self, run: Run, olds: Props, news: Props) -> Checked:  # noqa: ARG002
        """Names must be visible; ids must be UUIDs."""
        check = InputCheck(news)
        check.default_from("app_name", "default_app_name", olds)
        check.text("app_name")
        check.flag("adopt_existing")
        check.uuid("existing_app_id", required=False)
        return check.result()

    def create(self, run: Run, inputs: AppInputs) -> AppState:
        """Take over the app that is asked for, or create one."""
        run.require_allowed_organization()
        run.apps.load()
        with run.apps.creating(inputs.app_name):
            app = _app_for(run, inputs)
            if not run.apps.claim(app.app_id):
                raise LifecycleError(
                    f"app {app.app_id} is already taken over by another resource of this "
                    "program: declare it once, and pass it on"
                )
        return _state_of(app)

    def read(self, run: Run, state: AppState) -> AppState | None:
        """Find it in the list of apps, the only read there is."""
        run.require_allowed_organization()
        app = run.apps.find(state.app_id)
        if app is not None:
            return _state_of(app)
        run.require_same_organization(state.org_id)
        return None

    def look_up(self, run: Run, resource_id: str) -> AppState:
        """Find an app that this program doesn't manage."""
        run.require_allowed_organization()
        app = run.apps.find(resource_id.lower())
        if app is None:
            raise LifecycleError(
                f"there is no app with the id {resource_id} in the organization of the access "
                "token: `parallel-provider apps` lists those that are"
            )
        return _state_of(app)

    def delete(self, run: Run, state: AppState) -> None:
        """Delete it; its keys stop working with it."""
        run.require_allowed_organization()
        try:
            run.api.delete_app(state.app_id)
        except NotFoundError as error:
            run.require_same_organization(state.org_id)
            if run.apps.is_still_there(state.app_id):
                raise LifecycleError(
                    f"{error}, and yet it is in the list of apps: run again, and if that doesn't "
                    f"help, delete {state.app_id} in the Parallel console"
                ) from None
        run.apps.discard(state.app_id)


def _app_for(run: Run, inputs: AppInputs) -> AppItem:
    if inputs.existing_app_id is not None:
        return adopt_by_id(run, inputs.existing_app_id, inputs.app_name)
    if inputs.adopt_existing:
        return adopt_or_create(run, inputs.app_name)
    others = run.apps.listed_as(inputs.app_name)
    app = create_app(run, inputs.app_name)
    if others:
        # Nothing else can tell of an app that a run made which was killed before it could say so.
        run.messages.info(
            f"The organization had an app named {app.app_name!r} before ({ids_of(others)}); "
            f"{app.app_id} is another one. If an interrupted run left the former behind, delete it "
            "in the Parallel console."
        )
    return app


def _state_of(app: AppItem) -> AppState:
    return AppState(
        app_id=app.app_id, app_name=app.app_name, org_id=app.org_id, org_name=app.org_name
    )
