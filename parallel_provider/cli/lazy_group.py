"""A group whose commands are imported when they are called, so that each starts fast."""

from __future__ import annotations

import importlib
from typing import Any, NamedTuple

import click
from click.shell_completion import CompletionItem


class LazyCommand(NamedTuple):
    """The import path of a command ("module:name"), and its line in the group's help."""

    import_path: str
    help_line: str


class LazyGroup(click.Group):
    """Lists its commands without importing them."""

    def __init__(
        self,
        *arguments: Any,  # noqa: ANN401 (click's own)
        commands_by_name: dict[str, LazyCommand],
        **options: Any,  # noqa: ANN401 (click's own)
    ) -> None:
        super().__init__(*arguments, **options)
        self._lazy = commands_by_name

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 (click's signature)
        """Return the names in the order of the help."""
        return list(self._lazy)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import a command."""
        if cmd_name not in self._lazy:
            return None
        module, _, name = self._lazy[cmd_name].import_path.partition(":")
        command = getattr(importlib.import_module(module), name)
        if not isinstance(command, click.Command):
            raise TypeError(f"{module}:{name} is no command")
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Write the commands in the help."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, lazy.help_line) for name, lazy in self._lazy.items()])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Return what a shell can complete: the commands, and the options of this group."""
        commands = [
            CompletionItem(name, help=lazy.help_line)
            for name, lazy in self._lazy.items()
            if name.startswith(incomplete)
        ]
        # Not the group's own method: it would import every command.
        return commands + click.Command.shell_complete(self, ctx, incomplete)
