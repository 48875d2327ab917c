"""Ask your token broker for a Parallel access token, and print it.

python broker_token.py

The job shows the broker who it is with an ID token that GitHub or GitLab signs for it, so that
neither of them keeps a secret of Parallel's. README.md says what the broker has to do.
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
    """Print the token alone: as a token command, and for PARALLEL_ACCESS_TOKEN."""
    broker = os.environ["PARALLEL_BROKER_URL"]
    try:
        answer = _ask(broker, _id_token(broker), method="POST")
    except OSError as error:
        sys.exit(f"no access token from {broker}: {error}")
    sys.stdout.write(answer["access_token"])


def _id_token(audience: str) -> str:
    """Return the proof of which repository, branch and environment this job is for."""
    # GitLab puts it into the environment: `id_tokens` in the job.
    if "PARALLEL_ID_TOKEN" in os.environ:
        return os.environ["PARALLEL_ID_TOKEN"]
    # GitHub gives it to jobs with the permission `id-token: write`.
    url = f"{os.environ['ACTIONS_ID_TOKEN_REQUEST_URL']}&audience={quote(audience, safe='')}"
    return str(_ask(url, os.environ["ACTIONS_ID_TOKEN_REQUEST_TOKEN"], method="GET")["value"])


def _ask(url: str, bearer: str, *, method: str) -> dict[str, Any]:
    request = Request(url, method=method, headers={"Authorization": f"Bearer {bearer}"})  # noqa: S310 - set by the pipeline
    with urlopen(request, timeout=_SECONDS) as answer:  # noqa: S310
        found: dict[str, Any] = json.load(answer)
    return found


if __name__ == "__main__":
    main()
