"""`parallel-provider emulator`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from .server import Ready

_EXAMPLES = """
\b
Examples:
  parallel-provider emulator
  parallel-provider emulator --port 0 --ready-file emulator.json --auto-approve
  parallel-provider emulator --latency 0.2 --token-lifetime 2
"""


class _CannotStart(click.ClickException):
    """The emulator can't be started with these options."""

    exit_code = 2


@click.command(epilog=_EXAMPLES)
@click.option("--host", default="127.0.0.1", show_default=True, help="Loopback address to use.")
@click.option(
    "--port",
    type=click.IntRange(0, 65_535),
    default=8090,
    show_default=True,
    help="Port to use; 0 takes any free one.",
)
@click.option(
    "--ready-file",
    metavar="FILE",
    help="Written once connections are accepted: JSON with url, access_token, org_id and pid. "
    "- is standard output, and then nothing else is printed.",
)
@click.option("--auto-approve", is_flag=True, help="Approve every sign-in at once.")
@click.option(
    "--latency",
    "latency_seconds",
    type=click.FloatRange(min=0),
    default=0.0,
    metavar="SECONDS",
    help="Hold every answer back for so long.",
)
@click.option(
    "--token-lifetime",
    "token_lifetime_seconds",
    type=click.IntRange(min=1),
    default=420,
    show_default=True,
    metavar="SECONDS",
    help="How long the access tokens of a sign-in live.",
)
@click.option(
    "--exit-with-stdin",
    is_flag=True,
    help="End when standard input ends: with the process that holds its other end.",
)
def emulator(
    *,
    host: str,
    port: int,
    ready_file: str | None,
    auto_approve: bool,
    latency_seconds: float,
    token_lifetime_seconds: int,
    exit_with_stdin: bool,
) -> None:
    """Run a local Account API with sign-in.

    It prints the variables that point programs to it, and serves until Ctrl-C. All its data is
    made up, and gone when it ends. Its page shows the data and the requests as they change.
    """
    try:
        from .control_models import Settings  # noqa: PLC0415 - not needed for --help
        from .server import STANDARD_OUTPUT, CannotServe, serve  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise click.ClickException(
            f"the emulator needs {error.name}: pip install fastapi uvicorn"
        ) from None
    settings = Settings(
        auto_approve=auto_approve,
        latency_seconds=latency_seconds,
        token_lifetime_seconds=token_lifetime_seconds,
    )
    try:
        serve(
            host,
            port,
            settings=settings,
            ready_file=ready_file,
            announce=None if ready_file == STANDARD_OUTPUT else _announce,
            exit_with_stdin=exit_with_stdin,
        )
    except CannotServe as error:
        raise _CannotStart(str(error)) from None


def _announce(ready: Ready) -> None:
    """Print how to use it, as lines for a shell.

    The token is valid for this emulator only, so it may be shown.
    """
    click.echo("# The Account API emulator is running; Ctrl-C ends it.")
    click.echo(f"# Watch it at {ready.url}/ and point programs to it with:")
    click.echo(f"export PARALLEL_SERVICE_API_URL={ready.url}")
    click.echo(f"export PARALLEL_PLATFORM_URL={ready.url}")
    click.echo(f"export PARALLEL_ACCESS_TOKEN={ready.access_token}")
