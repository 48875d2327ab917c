"""Save standard input as this project's CI/CD variable PARALLEL_REFRESH_TOKEN.

python save_refresh_token.py

The variable must exist, with the environment scope of the job. Only its value is changed.
GITLAB_TOKEN is a project access token with the role Maintainer and the scope `api`. (The job's own
token can't write variables.)
"""

from __future__ import annotations

import os
import sys
from urllib.parse import urlencode
from urllib.request import Request, urlopen

_SECONDS = 20


def main() -> None:
    """Save the token."""
    project = f"{os.environ['CI_API_V4_URL']}/projects/{os.environ['CI_PROJECT_ID']}"
    scope = urlencode({"filter[environment_scope]": os.environ["CI_ENVIRONMENT_NAME"]})
    request = Request(  # noqa: S310 - GitLab sets the address
        f"{project}/variables/PARALLEL_REFRESH_TOKEN?{scope}",
        method="PUT",
        headers={"PRIVATE-TOKEN": os.environ["GITLAB_TOKEN"]},
        data=urlencode({"value": sys.stdin.read()}).encode(),
    )
    try:
        urlopen(request, timeout=_SECONDS).close()  # noqa: S310
    except OSError as error:
        sys.exit(f"the refresh token wasn't saved: {error}")


if __name__ == "__main__":
    main()
