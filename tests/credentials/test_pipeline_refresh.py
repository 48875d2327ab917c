"""What a refresh does with a refresh token of the environment, which a store is to have next."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import SecretStr

from parallel_provider.credentials.tokens import fingerprint
from parallel_provider.errors import CredentialsError
from tests.credentials.refreshes import INVALID_GRANT, Pipeline, grant


@pytest.fixture
def pipeline(tmp_path: Path) -> Pipeline:
    """Give a pipeline whose file isn't there yet."""
    return Pipeline(tmp_path / "pipeline-1.json", [])


def test_pipeline_saves_the_rotated_token(pipeline: Pipeline) -> None:
    """The first use of the environment's token begins the file, and its successor is saved."""
    pipeline.answers = [grant(1)]
    pipeline.run()
    assert pipeline.sent == ["refresh-0"]
    assert pipeline.saved == ["refresh-1"]
    assert pipeline.path.stat().st_mode & 0o77 == 0


def test_pipeline_with_a_used_token_fails_at_once_and_says_how_to_get_another(
    pipeline: Pipeline,
) -> None:
    """No other program writes to its file, and a pipeline has no browser to sign in with."""
    pipeline.answers = [INVALID_GRANT]
    with pytest.raises(CredentialsError, match=r"invalid_grant.*login --print-refresh-token"):
        pipeline.run()
    assert pipeline.sleeps == []


def test_next_process_of_a_pipeline_goes_on_with_the_rotated_token(pipeline: Pipeline) -> None:
    """A second process has the used-up token in its environment, and never sends it."""
    pipeline.answers = [grant(1), grant(2)]
    pipeline.run()
    pipeline.run()
    pipeline.run(stale=fingerprint(SecretStr("access-1")))
    assert pipeline.sent == ["refresh-0", "refresh-1"]
    assert pipeline.saved == ["refresh-1", "refresh-2"]


def test_failed_save_is_made_up_for_without_another_refresh(pipeline: Pipeline) -> None:
    """What couldn't be saved stays in the file, and is saved before anything else."""
    pipeline.answers = [grant(1)]
    pipeline.store_is_down = True
    with pytest.raises(CredentialsError, match="the store is down"):
        pipeline.run()
    pipeline.store_is_down = False
    pipeline.run()
    assert pipeline.sent == ["refresh-0"]
    assert pipeline.saved == ["refresh-1"]
