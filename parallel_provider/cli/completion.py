"""`parallel-provider completion`: the shell completes commands and options."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from parallel_provider.errors import ParallelError

_NAME = "parallel-provider"
# click reads it from the environment of the program that the shell's function calls.
_VARIABLE = "_PARALLEL_PROVIDER_COMPLETE"
_EXAMPLES = """
\b
Examples:
  parallel-provider completion bash > ~/.local/share/bash-completion/completions/parallel-provider
  parallel-provider completion zsh > "${fpath[1]}/_parallel-provider"
  parallel-provider completion fish > ~/.config/fish/completions/parallel-provider.fish
"""


@click.command(epilog=_EXAMPLES)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print what makes a SHELL complete the commands and options of this program.

    bash needs version 4.4 or newer; macOS has an older one.
    """
    found = get_completion_class(shell)
    if found is None:
        raise ParallelError(f"completion: click doesn't know {shell}: upgrade click")
    script = found(context.find_root().command, {}, _NAME, _VARIABLE)
    click.echo(script.source_template % script.source_vars())
