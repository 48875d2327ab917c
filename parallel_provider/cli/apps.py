"""`parallel-provider apps`."""

from __future__ import annotations

import click

from parallel_provider.cli.account import open_account
from parallel_provider.cli.output import print_json, print_table, warn
from parallel_provider.model import plain

_EXAMPLES = """
\b
Examples:
  parallel-provider apps
  parallel-provider apps --json | jq -r '.[].app_id'
"""


@click.command(epilog=_EXAMPLES)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def apps(*, as_json: bool) -> None:
    """List the organization's apps."""
    with open_account() as api:
        found = api.list_apps()
    if not found.is_complete:
        warn("the list may lack apps, as the answer isn't as the Account API documents it.")
    if as_json:
        print_json(plain(found))
        return
    rows = [(app.app_name, app.app_id, app.org_name) for app in found]
    print_table(("NAME", "ID", "ORGANIZATION"), rows)
