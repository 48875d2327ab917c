"""The command `parallel-provider emulator`, also as `python -m parallel_provider.emulator`."""

from __future__ import annotations

import click

_EXAMPLES = """
\b
Examples:
  parallel-provider emulator
  parallel-provider emulator --port 0 --ready-file emulator.json --auto-approve
  parallel-provider emulator --latency 0.2 --token-lifetime 2
"""


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
        from .server import serve  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise click.ClickException(
            f"the emulator needs {error.name}: pip install fastapi uvicorn"
        ) from None
    serve(
        host,
        port,
        settings={
            "auto_approve": auto_approve,
            "latency_seconds": latency_seconds,
            "token_lifetime_seconds": token_lifetime_seconds,
        },
        ready_file=ready_file,
        exit_with_stdin=exit_with_stdin,
    )


if __name__ == "__main__":
    emulator(prog_name="python -m parallel_provider.emulator")
