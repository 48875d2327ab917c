"""`parallel-provider token`."""

from __future__ import annotations

import time

import click

from parallel_provider.cli.environment import load_settings
from parallel_provider.cli.output import require_standard_output
from parallel_provider.credentials.sources import choose_source
from parallel_provider.credentials.tokens import StaticToken

_EXAMPLES = """
\b
Examples:
  parallel-provider token
  PARALLEL_ACCESS_TOKEN=$(parallel-provider token) pulumi preview
  pulumi config set parallel:tokenCommand 'parallel-provider token'
"""


@click.command(epilog=_EXAMPLES)
def token() -> None:
    """Print a fresh access token, and nothing else, on standard output.

    The stored sign-in is refreshed first where needed. The token lives for minutes: long runs
    rather need `parallel:tokenCommand`, or the sign-in itself. A token that has ended isn't
    printed: the command fails.
    """
    require_standard_output("the token")
    source = choose_source(load_settings())
    access_token = source.get()
    if isinstance(source, StaticToken):
        source.require_not_expired(time.time())
    click.echo(access_token.value.get_secret_value())
