"""Text that users read."""

from __future__ import annotations

import pytest

from pulumi_embedded.display import check_failure
from pulumi_embedded.values import UNKNOWN, Secret


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("x", "{x}"),
        (1, "{1}"),
        (True, "{true}"),
        (None, "{<nil>}"),
        ([1, "a"], "{[{1} {a}]}"),
        ({"k": 1}, "{map[k:{1}]}"),
        (Secret("hush"), "{&{{hush}}}"),
        ([Secret({"k": 3})], "{[{&{{map[k:{3}]}}}]}"),
        (Secret(UNKNOWN), "{&{output<string>{}}}"),
        (100000, "{100000}"),
        (1500000, "{1.5e+06}"),
        (-1e21, "{-1e+21}"),
        (0.25, "{0.25}"),
        (0.00001, "{1e-05}"),
        (0, "{0}"),
    ],
)
def test_check_failure_shows_the_value_as_the_command_line_does(value: object, shown: str) -> None:
    """Secrets are shown too, so that a test can find a provider that leaks one."""
    text = check_failure("t", "a", {"p": value}, "p", "REASON")
    assert text == f"t resource 'a': property p value {shown} has a problem: REASON"


def test_check_failure_without_a_property_names_the_resource() -> None:
    """A failure may have no property."""
    assert check_failure("t", "a", {}, "", "R") == "t resource 'a' has a problem: R"
