"""The policy pack as a process, asked through the protocol of the policy engine."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf import empty_pb2, json_format, struct_pb2
from pulumi.runtime.proto import analyzer_pb2, analyzer_pb2_grpc

from parallel_provider.plugin.schema import dynamic_token, token
from parallel_provider.testing.emulator import Emulator
from tests.real_pulumi import needs_pulumi, pulumi_environment

POLICY = Path(__file__).parents[2] / "policy"


class Pack:
    """The pack's process, and questions to it."""

    def __init__(self, **configuration: str) -> None:
        environment = {
            **os.environ,
            "PULUMI_PROJECT": "shop",
            "PULUMI_STACK": "prod",
            "PULUMI_DRY_RUN": "true",
            "PULUMI_CONFIG": json.dumps(configuration),
        }
        self._process = subprocess.Popen(
            [sys.executable, "-u", str(POLICY)], stdout=subprocess.PIPE, env=environment, text=True
        )
        assert self._process.stdout is not None
        port = int(self._process.stdout.readline())
        self._channel = grpc.insecure_channel(f"127.0.0.1:{port}")
        self.analyzer = analyzer_pb2_grpc.AnalyzerStub(self._channel)

    def close(self) -> None:
        """End the process."""
        self._channel.close()
        self._process.terminate()
        self._process.wait(timeout=30)
        assert self._process.stdout is not None
        self._process.stdout.close()

    def analyze(self, kind: str, inputs: dict[str, Any], *, protect: bool = False) -> set[str]:
        """Return the names of the policies that a resource violates."""
        properties = struct_pb2.Struct()
        json_format.ParseDict(inputs, properties)
        answer = self.analyzer.Analyze(
            analyzer_pb2.AnalyzeRequest(
                type=kind,
                properties=properties,
                urn=f"urn:pulumi:prod::shop::{kind}::name",
                name="name",
                options=analyzer_pb2.AnalyzerResourceOptions(protect=protect),
            )
        )
        for each in answer.diagnostics:
            assert each.enforcementLevel == analyzer_pb2.MANDATORY
            assert "\n" not in each.message.strip().removeprefix(each.description).strip()
        return {each.policyName.removeprefix("parallel-") for each in answer.diagnostics}

    def analyze_stack(self) -> str:
        """Return what is wrong with the stack as a whole."""
        answer = self.analyzer.AnalyzeStack(analyzer_pb2.AnalyzeStackRequest())
        return "".join(each.message for each in answer.diagnostics)


@pytest.fixture
def pack() -> Iterator[Pack]:
    """Start the pack as the policy engine does."""
    started = Pack()
    yield started
    started.close()


def test_pack_describes_its_policies(pack: Pack) -> None:
    """README.md has each of them with its settings."""
    info = pack.analyzer.GetAnalyzerInfo(empty_pb2.Empty())
    readme = (POLICY / "README.md").read_text()
    assert len(info.policies) == 6
    for policy in info.policies:
        [row] = [line for line in readme.splitlines() if line.startswith(f"| `{policy.name}` |")]
        for setting in policy.configSchema.properties:
            assert f"`{setting}`" in row


@pytest.mark.parametrize("native", [False, True])
def test_each_resource_is_checked(pack: Pack, native: bool) -> None:
    """By the default settings, in the stack `prod`."""
    name = token if native else dynamic_token
    rotate_after = "rotateAfter" if native else "rotate_after"
    keep = "keepRawApiKey" if native else "keep_raw_api_key"
    limit = "monthlyLimitCents" if native else "monthly_limit_cents"

    assert pack.analyze(name("App"), {}) == {"protected-apps"}
    assert pack.analyze(name("App"), {}, protect=True) == set()
    assert pack.analyze(name("RotatingApiKey"), {rotate_after: "91d"}) == {
        "key-rotation",
        "raw-keys",
        "protected-apps",
    }
    safe = {rotate_after: "30d", keep: False}
    assert pack.analyze(name("RotatingApiKey"), safe, protect=True) == set()
    assert pack.analyze(name("BalanceTopUp"), {}) == {"limited-top-ups"}
    assert pack.analyze(name("BalanceTopUp"), {limit: 100.0}) == set()
    assert pack.analyze("pulumi:providers:parallel", {"accessToken": "x"}) == {
        "no-token-in-providers"
    }
    assert pack.analyze("aws:s3:Bucket", {"rotateAfter": "91d"}) == set()


def test_settings_of_the_pack_are_used(pack: Pack) -> None:
    """As `--policy-pack-config` gives them."""
    properties: dict[str, dict[str, Any]] = {
        "parallel-key-rotation": {"maxDays": 10},
        "parallel-raw-keys": {"secretsProvider": "awskms://alias/x"},
        "parallel-protected-apps": {"stacks": "^live$"},
    }
    request = analyzer_pb2.ConfigureAnalyzerRequest()
    for policy, settings in properties.items():
        config = request.policyConfig[policy]
        config.enforcementLevel = analyzer_pb2.MANDATORY
        json_format.ParseDict(settings, config.properties)
    pack.analyzer.Configure(request)

    assert pack.analyze(token("RotatingApiKey"), {"rotateAfter": "11d"}) == {"key-rotation"}
    assert pack.analyze(token("RotatingApiKey"), {"rotateAfter": "10d"}) == set()
    assert pack.analyze(token("App"), {}) == set()


@pytest.mark.parametrize("key", ["parallel:accessToken", "parallel:orgId"])
def test_token_in_the_configuration_is_refused(key: str) -> None:
    """The message has the key, and not the value."""
    pack = Pack(**{key: "very-secret"})
    said = pack.analyze_stack()
    pack.close()
    assert ("parallel:accessToken" in said) == (key == "parallel:accessToken")
    assert "very-secret" not in said


@needs_pulumi
def test_pulumi_refuses_a_preview_with_the_pack(tmp_path: Path, emulator: Emulator) -> None:
    """The engine itself runs the pack, with this virtual environment."""
    shutil.copytree(
        POLICY, tmp_path / "policy", ignore=shutil.ignore_patterns("__pycache__", ".venv")
    )
    runtime = {"name": "python", "options": {"virtualenv": sys.prefix}}
    project = tmp_path / "policy" / "PulumiPolicy.yaml"
    project.write_text(json.dumps({"runtime": runtime, "version": "0.1.0"}))
    (tmp_path / "Pulumi.yaml").write_text(json.dumps({"name": "shop", "runtime": runtime}))
    (tmp_path / "__main__.py").write_text(
        textwrap.dedent("""
            import parallel_provider as parallel

            app = parallel.App("search")
            parallel.RotatingApiKey("svc", app_id=app.app_id, rotate_after="91d")
        """)
    )
    places = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
    environment = {**emulator.environment, **places, **pulumi_environment(tmp_path)}

    def pulumi(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(shutil.which("pulumi")), *arguments, "--non-interactive"],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )

    assert pulumi("stack", "init", "prod").returncode == 0
    done = pulumi("preview", "--policy-pack", "policy")

    assert done.returncode != 0
    for policy in ("key-rotation", "raw-keys", "protected-apps"):
        assert f"parallel-{policy}" in done.stdout, done.stdout + done.stderr
    assert "limited-top-ups" not in done.stdout
