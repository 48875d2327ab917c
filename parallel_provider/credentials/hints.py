"""The advice at the end of the errors of the sign-in."""

from __future__ import annotations

LOGIN_HINT = "run `parallel-provider login`"
PIPELINE_HINT = (
    "run `parallel-provider login --print-refresh-token` somewhere with a browser, and put what it "
    "prints in the token's place"
)
