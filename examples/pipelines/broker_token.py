"""Ask your token broker for a Parallel access token, and print it.

python broker_token.py

The job identifies itself to the broker with an ID token, which GitHub or GitLab signs. So neither
of them stores a Parallel secret. README.md says what the broker must do.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any
from urllib.parse import quote
from urllib.request import Request, urlopen

_SECONDS = 20


def main() -> None:
    """Print only the token, for a token command or for PARALLEL_ACCESS_TOKEN."""
    broker = os.environ["PARALLEL_BROKER_URL"]
    try:
        answer = _ask(broker, _id_token(broker), method="POST")
    except OSError as error:
        sys.exit(f"no access token from {broker}: {error}")
    sys.stdout.write(answer["access_token"])


def _id_token(audience: str) -> str:
    """Return the ID token, which names the repository, branch and environment of this job."""
    # GitLab sets this variable: see `id_tokens` in the job.
    if "PARALLEL_ID_TOKEN" in os.environ:
        return os.environ["PARALLEL_ID_TOKEN"]
    # GitHub issues it to jobs with the permission `id-token: write`.
    url = f"{os.environ['ACTIONS_ID_TOKEN_REQUEST_URL']}&audience={quote(audience, safe='')}"
    return str(_ask(url, os.environ["ACTIONS_ID_TOKEN_REQUEST_TOKEN"], method="GET")["value"])


def _ask(url: str, bearer: str, *, method: str) -> dict[str, Any]:
    request = Request(url, method=method, headers={"Authorization": f"Bearer {bearer}"})  # noqa: S310 - set by the pipeline
    with urlopen(request, timeout=_SECONDS) as answer:  # noqa: S310
        found: dict[str, Any] = json.load(answer)
    return found


if __name__ == "__main__":
    main()
