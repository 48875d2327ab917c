"""Printed text holds no token and no key, and masking takes little time."""

from __future__ import annotations

import time

import pytest

from parallel_provider.commands import Command
from parallel_provider.credentials.sign_in_file import Document
from parallel_provider.errors import CommandError, CredentialsError, ParallelError
from parallel_provider.printable import (
    MASK,
    field_name,
    line_for_user,
    masked,
    masked_setting,
    printable,
    remember_secret,
)
from parallel_provider.settings import Settings

HEAD, BODY, SIGNATURE = (
    "eyJhbGciOiJIUzI1NiJ9",
    "eyJzdWIiOiJ0ZXN0LXdpdGgtYS1sb25nLWJvZHkifQ",
    "c2lnbmF0dXJlLW9mLXRlc3Qtd2l0aC1sZW5ndGg",
)
UUID = "00000000-0000-4000-8000-000000000000"
JWT = f"{HEAD}.{BODY}.{SIGNATURE}"
# As a server may send it.
MARKED = "\ue000app_id\ue001"
# Masking a megabyte takes milliseconds; a pattern that goes back takes minutes.
MEGABYTE = 1_000_000
NO_TIME_SECONDS = 10.0


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (f"Bearer {JWT}!", f"Bearer {MASK}!"),
        (f"token={JWT}", f"token={MASK}"),
        (f"x{JWT}", f"x{MASK}"),
        (f"{JWT} and {JWT}", f"{MASK} and {MASK}"),
        (HEAD, MASK),
        (f"the token {HEAD}.{BODY}.\n{SIGNATURE} ended", f"the token {MASK}\n{MASK} ended"),
        ("surveyJobs of the monkeyJungle.org", "surveyJobs of the monkeyJungle.org"),
        (f"an app {UUID}", f"an app {UUID}"),
        ("nothing", "nothing"),
        ("", ""),
    ],
)
def test_what_looks_like_a_token_is_masked(text: str, shown: str) -> None:
    """The form of a token is enough, also of a part of one; ordinary words stay."""
    assert masked(text) == shown


@pytest.mark.parametrize("break_", [" ", "\n", "\r\n  ", "\t"])
def test_known_secret_is_masked_whatever_it_looks_like(break_: str) -> None:
    """Also if the secret or the text has white space in it."""
    secret = "opaque.refresh/token+of=the.run"
    broken = break_.join([secret[:5], secret[5:11], secret[11:]])
    remember_secret(secret)
    remember_secret(break_.join(["another", "secret", "with space"]))

    assert masked(f"<{secret}> <{broken}> <{secret}>") == f"<{MASK}> <{MASK}> <{MASK}>"
    assert masked("anothersecretwithspace") == MASK
    assert masked("a given one", "given") == f"a {MASK} one"
    assert str(ParallelError(f"refused: {broken}")) == f"refused: {MASK}"


def test_short_texts_are_no_secrets() -> None:
    """Otherwise parts of ordinary words would be masked."""
    remember_secret("key")
    remember_secret(" \n ")

    assert masked("the key of an app") == "the key of an app"


@pytest.mark.parametrize(
    "text",
    [
        "eyJ" * (MEGABYTE // 3),
        "eyJ." * (MEGABYTE // 4),
        "eyJa.eyJb." * (MEGABYTE // 10),
        "eyJ " * (MEGABYTE // 4),
        "eyJ" + " " * MEGABYTE,
        "xeyJ-" * (MEGABYTE // 5),
        "." * MEGABYTE,
    ],
)
def test_masking_takes_no_time(text: str) -> None:
    """A long text of a server must not delay the run."""
    started = time.monotonic()
    masked(text)
    printable(text)

    assert time.monotonic() - started < NO_TIME_SECONDS


@pytest.mark.parametrize(
    "broken", [JWT, f"{HEAD[:4]} {HEAD[4:]}.{BODY[:9]} {BODY[9:]} {SIGNATURE}"]
)
def test_token_in_the_wrong_setting_is_masked_as_a_whole(broken: str) -> None:
    """A setting's value is masked as a whole."""
    assert masked_setting(broken) == MASK
    assert masked_setting("org_1") == "org_1"
    command = Command.parse(broken, "PARALLEL_TOKEN_COMMAND")
    with pytest.raises(CredentialsError) as refused:
        Document.empty().choose_org(broken, "PARALLEL_ORG_ID")
    for error in (CommandError(f"{command} can't be started"), refused.value):
        assert not any(part in str(error) for part in (*broken.split(), *broken.split(".")))
        assert "PARALLEL_" in str(error)


def test_configured_tokens_are_known_before_they_are_used() -> None:
    """A token of any form is masked, also in an error that comes before its first use."""
    Settings.load({"parallel:accessToken": "configured-opaque-token"}.get, {})
    Settings.load(lambda _: None, {"PARALLEL_REFRESH_TOKEN": "refresh-from-a-pipeline"})

    assert masked("configured-opaque-token refresh-from-a-pipeline") == f"{MASK} {MASK}"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (f"set {field_name('app_id')}, not app_id", "set APP_ID, not app_id"),
        ("/srv/org_id/auth.json", "/srv/org_id/auth.json"),
        (f"{field_name('app_id')}: {MARKED!r}", r"APP_ID: '\ue000app_id\ue001'"),
        (f"{field_name('app_id')}: {printable(MARKED)}", "APP_ID: app_id"),
        (f"{field_name(JWT)}", MASK),
        ("a <{%nosuchcolour%}> b <{%", "a <{ %nosuchcolour%}> b <{ %"),
        ("<<{%{%", "<<{ %{%"),
        ("<\x00{%x <{\u200b%x <\ue000{%", "< {%x <{ %x < {%"),
        ("one\r\n  two\u2028three\x1b[31m \u202efour\ue000", "one two three [31m four"),
        (f"Bearer {JWT}", f"Bearer {MASK}"),
    ],
)
def test_line_for_user_is_one_safe_line(text: str, line: str) -> None:
    """Only names that this package has marked are spelled, and Pulumi finds no colour tag."""
    assert line_for_user(text, str.upper) == line
    assert "<{%" not in line
