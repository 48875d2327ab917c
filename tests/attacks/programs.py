"""Programs that the attacks run: resources of both doors, as data, and their source.

Ids exist only at the server, so a program names the thing whose id it has as text, and `source`
gets the id. Once written, such a text stays in the program.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

Door = Literal["dynamic", "native"]
Kind = Literal["App", "ApiKey", "RotatingApiKey", "BalanceTopUp"]
# How a resource gets its app: `existing` gives the id as text, `import` is Pulumi's option.
How = Literal["create", "adopt", "existing", "get", "import"]

IdOf = Callable[[str, str], str]
"""Returns the id that a text in the program has: of an app by its name, of a key by `app/name`."""

_FIRST_LINES = """\
import pulumi
from pulumi import Alias, ProviderResource, ResourceOptions

import parallel_native as native
import parallel_provider as dynamic
"""
_DYNAMIC_TYPE = "pulumi-python:dynamic/parallel:"
_NATIVE_TYPE = "parallel:index:"
_TEAM_TYPE = "acme:index:Team"
_ORDER: tuple[Kind, ...] = ("App", "ApiKey", "RotatingApiKey", "BalanceTopUp")


@dataclass(frozen=True)
class Resource:
    """One resource of a program.

    `app` is the resource name of the app that a key is in; `app_text` is the name of an app whose
    id stands in the program as text. `of_key` is the key that is imported, as `app/name`.
    """

    kind: Kind
    name: str
    door: Door = "dynamic"
    how: How = "create"
    app_name: str = ""
    app: str = ""
    app_text: str = ""
    of_key: str = ""
    version: int = 1
    provider: str = ""
    team: bool = False
    protect: bool = False
    delete_before_replace: bool = False
    alias: str = ""

    @property
    def urn_end(self) -> str:
        """Return the end of its URN, which no other resource of the stack has."""
        prefix = _DYNAMIC_TYPE if self.door == "dynamic" else _NATIVE_TYPE
        parent = f"{_TEAM_TYPE}$" if self.team else ""
        return f"::{parent}{prefix}{self.kind}::{self.name}"

    @property
    def variable(self) -> str:
        """Return its variable in the program."""
        return f"{self.kind}_{self.name}".lower()

    def source(self, program: Program, id_of: IdOf) -> str:
        """Return its statement."""
        opts = f"opts=ResourceOptions({', '.join(self._options(id_of))})"
        called = f"{self.door}.{self.kind}"
        if self.how == "get":
            found = id_of("App", self.app_name)
            return f'{self.variable} = {called}.get("{self.name}", "{found}", {opts})'
        arguments = [f'"{self.name}"', *self._inputs(program, id_of), opts]
        return f"{self.variable} = {called}({', '.join(arguments)})"

    def _inputs(self, program: Program, id_of: IdOf) -> list[str]:
        if self.kind == "BalanceTopUp":
            return [f"amount_cents={100 * self.version}", 'triggers="once"']
        if self.kind == "App":
            how = {
                "adopt": ["adopt_existing=True"],
                "existing": [f'existing_app_id="{id_of("App", self.app_name)}"'],
            }
            return [f'app_name="{self.app_name}"', *how.get(self.how, [])]
        holder = next((r for r in program if (r.kind, r.name) == ("App", self.app)), None)
        app_id = (
            f'"{id_of("App", self.app_text)}"' if holder is None else f"{holder.variable}.app_id"
        )
        name = self.of_key.rpartition("/")[2] or self.name
        durations = ['rotate_after="30d"'] if self.kind == "RotatingApiKey" else []
        return [
            f"app_id={app_id}",
            f'api_key_name="{name}"',
            f"triggers={self.version}",
            *durations,
        ]

    def _options(self, id_of: IdOf) -> list[str]:
        imported = self.how == "import" and self.door == "native"
        thing = ("App", self.app_name) if self.kind == "App" else ("ApiKey", self.of_key)
        options = {
            "parent=team": self.team,
            f"provider={self.provider}": self.provider and self.door == "native",
            "protect=True": self.protect,
            "delete_before_replace=True": self.delete_before_replace,
            f'aliases=[Alias(name="{self.alias}")]': self.alias,
            f'import_="{id_of(*thing) if imported else ""}"': imported,
        }
        return [text for text, is_set in options.items() if is_set]


Program = tuple[Resource, ...]


def source(program: Program, id_of: IdOf, timeouts: tuple[tuple[str, int], ...] = ()) -> str:
    """Return the source of a program. `timeouts` are those of its explicit providers."""
    lines = [_FIRST_LINES]
    if any(resource.team for resource in program):
        lines.append(f'team = pulumi.ComponentResource("{_TEAM_TYPE}", "team")')
    seconds = dict(timeouts)
    for name in sorted({r.provider for r in program if r.provider and r.door == "native"}):
        arguments = f'"parallel", "{name}", {{"timeoutSeconds": "{seconds.get(name, 60)}"}}'
        lines.append(f"{name} = ProviderResource({arguments})")
    ordered = sorted(program, key=lambda resource: _ORDER.index(resource.kind))
    return "\n".join([*lines, *(resource.source(program, id_of) for resource in ordered)]) + "\n"
