"""`parallel-provider logout`."""

from __future__ import annotations

import click

from parallel_provider.cli.environment import load_settings
from parallel_provider.cli.output import say
from parallel_provider.credentials.oauth import SignInServer
from parallel_provider.credentials.sign_in_file import SignInFile, StoredTokens
from parallel_provider.errors import CredentialsError, SignInUnavailableError

_EXAMPLES = """
\b
Examples:
  parallel-provider logout
  parallel-provider logout --org ORG_ID
"""


@click.command(epilog=_EXAMPLES)
@click.option("--org", "org_id", metavar="ORG_ID", help="Which organization; else the selected.")
@click.option("--local", is_flag=True, help="Only forget it here; the server isn't asked.")
def logout(*, org_id: str | None, local: bool) -> None:
    """Revoke the sign-in of one organization and remove it from this machine.

    A data API key that the official client keeps in the same file stays, and so do the sign-ins of
    other organizations.
    """
    settings = load_settings()
    file = SignInFile(settings.auth_file)
    # Under the lock, so that no refresh puts back what is removed here.
    with file.locked():
        document = file.read()
        chosen = document.choose_org(org_id or settings.org_id, "--org" if org_id else None)
        if not local:
            _revoke(settings.platform_url, document.tokens(chosen))
        left = document.without_sign_in(chosen)
        file.write(left)
    say(f"Signed out of {chosen}{' here; the server was not asked' if local else ''}.")
    if left.selected_org_id not in (None, document.selected_org_id):
        say(f"{left.selected_org_id}, the only one left, is selected now.")


def _revoke(platform_url: str, tokens: StoredTokens) -> None:
    if tokens.refresh_token is None:
        return
    with SignInServer(platform_url) as server:
        try:
            server.revoke(tokens.refresh_token)
        except SignInUnavailableError as error:
            raise CredentialsError(
                f"{error}; nothing was removed: try again, or forget the sign-in on this machine "
                "only, with `parallel-provider logout --local`"
            ) from None
