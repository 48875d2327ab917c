"""A long run on tokens that live shorter than it: many requests, side by side."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from parallel_provider.api import AccountApi
from parallel_provider.credentials.auth import BearerAuth
from parallel_provider.credentials.chain import choose_source
from parallel_provider.settings import Settings
from tests.credentials.sign_ins import SignIn


def test_forty_creates_succeed_on_tokens_of_two_seconds(signed_in: SignIn) -> None:
    """Every token ends in mid-run, and no request fails or is carried out twice."""
    emulator = signed_in.emulator
    emulator.set_settings(token_lifetime_seconds=2, latency_seconds=0.2)
    signed_in.expire()
    source = choose_source(Settings.load(lambda _: None, signed_in.environment))
    with AccountApi(emulator.url, lambda: BearerAuth(source)) as api, ThreadPoolExecutor(4) as pool:
        ids = set(pool.map(api.create_app, (f"app-{number}" for number in range(40))))
    assert len(ids) == 40
    assert ids < {app["app_id"] for app in emulator.state()["apps"]}
    assert len(emulator.state()["apps"]) == 41
