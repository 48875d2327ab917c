"""Settings: where each one is found, which one counts, and which values are refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from parallel_provider.errors import SettingsError
from parallel_provider.settings import (
    CONFIG_KEYS,
    DEFAULT_PLATFORM_URL,
    DEFAULT_SERVICE_API_URL,
    SETTINGS,
    VARIABLES,
    Setting,
    Settings,
    is_loopback,
    setting_warnings,
)


def load(config: dict[str, str] | None = None, environ: dict[str, str] | None = None) -> Settings:
    """Load the settings from these values only."""
    return Settings.load((config or {}).get, environ or {})


def test_nothing_set_means_the_real_api() -> None:
    """Without settings there is no token, no expected organization and no charge."""
    settings = load()

    assert settings.service_api_url == DEFAULT_SERVICE_API_URL
    assert settings.platform_url == DEFAULT_PLATFORM_URL
    assert settings.auth_file == Path.home() / ".config/parallel-web-tools/auth.json"
    assert (settings.org_id, settings.max_top_up_cents) == (None, None)
    assert settings.token_settings == ()


@pytest.mark.parametrize(
    ("key", "variable", "attribute", "values", "loaded"),
    [
        ("orgId", "PARALLEL_ORG_ID", "org_id", ("a", "a"), ("a", "a")),
        ("maxTopUpCents", "PARALLEL_MAX_TOP_UP_CENTS", "max_top_up_cents", ("1", "2"), (1, 2)),
        ("timeoutSeconds", "PARALLEL_TIMEOUT_SECONDS", "timeout_seconds", ("1", "3600"), (1, 3600)),
        (
            "serviceApiUrl",
            "PARALLEL_SERVICE_API_URL",
            "service_api_url",
            ("https://a.example/account/", "http://localhost:8090"),
            ("https://a.example/account", "http://localhost:8090"),
        ),
        (
            "platformUrl",
            "PARALLEL_PLATFORM_URL",
            "platform_url",
            ("https://a.example", "http://[::1]:8090/"),
            ("https://a.example", "http://[::1]:8090"),
        ),
    ],
)
def test_stack_comes_before_environment(
    key: str,
    variable: str,
    attribute: str,
    values: tuple[str, str],
    loaded: tuple[object, object],
) -> None:
    """Each of the two is enough."""
    config, environ = {f"parallel:{key}": values[0]}, {variable: f" {values[1]}\n"}

    assert getattr(load(config, environ), attribute) == loaded[0]
    assert getattr(load({}, environ), attribute) == loaded[1]


@pytest.mark.parametrize("setting", [each for each in SETTINGS if not each.is_guard])
def test_blank_value_counts_as_not_set(setting: Setting) -> None:
    """Pipelines often export empty variables."""
    config = {f"parallel:{setting.key}": " "}

    assert load(config, {setting.variable: ""}) == load()


@pytest.mark.parametrize("blank", ["", " \n"])
@pytest.mark.parametrize("setting", [each for each in SETTINGS if each.is_guard])
def test_blank_guard_is_refused(setting: Setting, blank: str) -> None:
    """A variable that isn't defined in a pipeline would allow everything without a word."""
    key = f"parallel:{setting.key}"
    for config, environ, origin in (
        ({key: blank}, {}, key),
        ({key: blank}, {setting.variable: "5"}, key),
        ({}, {setting.variable: blank}, setting.variable),
        ({key: "5"}, {setting.variable: blank}, setting.variable),
    ):
        with pytest.raises(SettingsError, match=f"{origin} is set and blank"):
            load(config, environ)


def test_settings_of_tokens_are_in_order_and_out_of_sight() -> None:
    """The first one is used; none of them shows in a repr."""
    settings = load(
        {"parallel:accessToken": "hush-1", "parallel:tokenCommand": "print-token"},
        {
            "PARALLEL_ACCESS_TOKEN": "hush-2",
            "PARALLEL_TOKEN_COMMAND": "print-another",
            "PARALLEL_REFRESH_TOKEN": "hush-3",
            "PARALLEL_REFRESH_TOKEN_SAVE_COMMAND": "save-token",
            "PARALLEL_AUTH_FILE": "~/elsewhere.json",
        },
    )

    assert [(each.origin, each.value.get_secret_value()) for each in settings.token_settings] == [
        ("parallel:accessToken", "hush-1"),
        ("parallel:tokenCommand", "print-token"),
        ("PARALLEL_ACCESS_TOKEN", "hush-2"),
        ("PARALLEL_TOKEN_COMMAND", "print-another"),
        ("PARALLEL_REFRESH_TOKEN", "hush-3"),
    ]
    assert settings.save_command == "save-token"
    assert settings.auth_file == Path.home() / "elsewhere.json"
    assert "hush" not in repr(settings)
    assert "hush" not in str(settings)


def test_guard_knows_where_it_comes_from() -> None:
    """Errors name the setting that the organization comes from."""
    assert load({"parallel:orgId": "a"}).org_id_origin == "parallel:orgId"
    assert load({}, {"PARALLEL_ORG_ID": "a"}).org_id_origin == "PARALLEL_ORG_ID"


def test_guards_that_contradict_each_other_are_refused() -> None:
    """The configuration may be an old one, so neither value may replace the other."""
    with pytest.raises(SettingsError, match="parallel:orgId and PARALLEL_ORG_ID name different"):
        load({"parallel:orgId": "a"}, {"PARALLEL_ORG_ID": "b"})


def test_lowest_limit_of_a_charge_counts() -> None:
    """Both only restrict, so neither may lift the other."""
    for config, variable in (("700", "900"), ("900", "700")):
        settings = load({"parallel:maxTopUpCents": config}, {"PARALLEL_MAX_TOP_UP_CENTS": variable})
        assert settings.max_top_up_cents == 700
    with pytest.raises(SettingsError, match="PARALLEL_MAX_TOP_UP_CENTS must be a whole number"):
        load({"parallel:maxTopUpCents": "700"}, {"PARALLEL_MAX_TOP_UP_CENTS": "many"})


def test_names_of_settings_are_those_that_are_read() -> None:
    """The warnings use the same list."""
    keys: list[str] = []

    class Asked(dict[str, str]):
        def get(self, key: str, default: object = None) -> Any:  # noqa: ANN401
            names.append(key)
            return default

    names: list[str] = []
    Settings.load(keys.append, Asked())

    assert {key.removeprefix("parallel:") for key in keys} == set(CONFIG_KEYS)
    assert set(names) == set(VARIABLES)


@pytest.mark.parametrize(
    ("key", "nearest"),
    [
        ("parallel:orgid", "did you mean parallel:orgId?"),
        ("parallel:org_id", "did you mean parallel:orgId?"),
        ("parallel:orgID", "did you mean parallel:orgId?"),
        ("parallel:maxTopupCent", "did you mean parallel:maxTopUpCents?"),
        ("Parallel:orgId", "did you mean parallel:orgId?"),
        ("paralel:orgId", "did you mean parallel:orgId?"),
        ("parallel:zzz", "those are parallel:accessToken, parallel:tokenCommand, parallel:orgId"),
    ],
)
def test_unknown_key_is_named_with_the_nearest_one(key: str, nearest: str) -> None:
    """With a misspelt name, the organization would not be checked, and nobody would notice."""
    [warning] = setting_warnings([key, "aws:region", "shop:orgid"], "shop", ())

    assert f"{key!r}, which is no setting" in warning
    assert nearest in warning


def test_known_and_foreign_keys_are_no_reason_to_warn() -> None:
    """A project named "parallel" may have keys of its own."""
    ours = [f"parallel:{key}" for key in CONFIG_KEYS]
    assert list(setting_warnings([*ours, "aws:region", "shop:orgId"], "shop", ())) == []
    assert list(setting_warnings([*ours, "parallel:zzz"], "parallel", ())) == []
    assert len(list(setting_warnings(["parallel:orgid"], "parallel", ()))) == 1


def test_variable_that_nearly_is_a_setting_is_named() -> None:
    """The official client and other programs have variables with this prefix too."""
    names = ["PARALLEL_API_KEY", "PARALLEL_API_KEY_ID", "PARALLEL_APP_ID", "PARALLEL_ID_TOKEN"]
    names += ["PARALLEL_BROKER_URL", "PARALLEL_JOBS", "HOME", *VARIABLES]
    assert list(setting_warnings((), "shop", names)) == []

    [warning] = setting_warnings((), "shop", ["PARALLEL_ORGID"])
    assert "PARALLEL_ORGID, which is no setting: did you mean PARALLEL_ORG_ID?" in warning


@pytest.mark.parametrize(
    "value", ["-1", "20.00", "$20", "2e3", "0x10", "1_000", "٢", "²", "many", "9" * 5000]
)
def test_cents_that_are_no_whole_number_are_refused(value: str) -> None:
    """A text that is almost a number may mean another amount."""
    with pytest.raises(SettingsError, match="PARALLEL_MAX_TOP_UP_CENTS must be a whole number"):
        load({}, {"PARALLEL_MAX_TOP_UP_CENTS": value})


@pytest.mark.parametrize("value", ["0", "-1", "1.5", "3601", "2m", "٢", "9" * 5000])
def test_timeout_that_is_no_number_of_seconds_is_refused(value: str) -> None:
    """The time limit is between a second and an hour."""
    with pytest.raises(SettingsError, match=r"parallel:timeoutSeconds must be .* from 1 to 3600"):
        load({"parallel:timeoutSeconds": value})


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("api.example.com", "must be a full URL"),
        ("ftp://api.example.com", "must be a full URL"),
        ("https://", "must be a full URL"),
        ("https:///path", "must be a full URL"),
        ("https://[::1", "isn't a valid URL"),
        ("https://host:99999", "isn't a valid URL"),
        ("https://host:port", "isn't a valid URL"),
        ("https://me:hush@api.example.com", "must not contain a user name or password"),
        ("https://me@api.example.com", "must not contain a user name or password"),
        ("https://@api.example.com", "must not contain a user name or password"),
        ("http://127.0.0.1@evil.example", "must not contain a user name or password"),
        ("https://api.example.com?x=hush", "must not have a query"),
        ("https://api.example.com#hush", "must not have a query"),
        ("http://api.example.com", "plain http for api.example.com"),
        ("http://10.0.0.1:8090", "plain http for 10.0.0.1"),
        ("http://127.0.0.1.evil.example", "plain http"),
        ("http://localhost.evil.example", "plain http"),
        ("http://0.0.0.0", "plain http"),
        ("HTTP://EXAMPLE.COM", "plain http for example.com"),
    ],
)
@pytest.mark.parametrize("key", ["parallel:serviceApiUrl", "parallel:platformUrl"])
def test_url_that_could_give_a_token_away_is_refused(key: str, url: str, says: str) -> None:
    """The error names the setting and doesn't show a possible password."""
    with pytest.raises(SettingsError) as failure:
        load({key: url})

    assert str(failure.value).startswith(key)
    assert says in str(failure.value)
    assert "hush" not in str(failure.value)


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("localhost", True),
        ("127.0.0.1", True),
        ("127.255.0.9", True),
        ("::1", True),
        ("0.0.0.0", False),  # noqa: S104 - not bound to
        ("169.254.169.254", False),
        ("::", False),
        ("localhost.example", False),
        ("", False),
    ],
)
def test_loopback_is_this_machine_and_no_other(host: str, *, loopback: bool) -> None:
    """A name that only looks like a loopback address may belong to anybody."""
    assert is_loopback(host) is loopback
