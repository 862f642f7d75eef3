"""Shared test settings."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

import dyocense_cli  # noqa: F401  # first: it settles how numpy adds

settings.register_profile("ci", deadline=None, derandomize=True, max_examples=50, suppress_health_check=list(HealthCheck))
settings.register_profile("full", deadline=None, max_examples=1000, suppress_health_check=list(HealthCheck))
settings.load_profile("full" if os.environ.get("DYOCENSE_TEST_SCALE") == "full" else "ci")

if "DYOCENSE_OPA_URL" in os.environ:  # the test server is empty: tests that want it ask for it by name
    os.environ["DYOCENSE_TEST_OPA_URL"] = os.environ.pop("DYOCENSE_OPA_URL")

pytest_plugins = ["tests.servers"]
