"""Fixtures for the real servers; a test that needs an absent one is skipped by name."""

from __future__ import annotations

import os
from collections.abc import Mapping

import pytest

__all__ = ["minio", "neo4j", "opa_server", "postgres", "redis"]


def _need(what: str, *names: str) -> dict[str, str]:
    found = {n: os.environ[n] for n in names if n in os.environ}
    if len(found) != len(names):
        if os.environ.get("CI"):
            pytest.fail(f"needs {what}, and CI allows no skip")
        pytest.skip(f"needs {what}: make services-up")
    return found


@pytest.fixture(scope="session")
def postgres() -> Mapping[str, str]:
    """Settings of Postgres: DYOCENSE_PG_DSN (role without BYPASSRLS) and DYOCENSE_PG_OWNER_DSN."""
    return _need("Postgres", "DYOCENSE_PG_DSN", "DYOCENSE_PG_OWNER_DSN")


@pytest.fixture(scope="session")
def redis() -> Mapping[str, str]:
    """Settings of Redis: DYOCENSE_REDIS_URL."""
    return _need("Redis", "DYOCENSE_REDIS_URL")


@pytest.fixture(scope="session")
def minio() -> Mapping[str, str]:
    """Settings of MinIO: DYOCENSE_S3_ENDPOINT, _ACCESS_KEY, _SECRET_KEY."""
    return _need("MinIO", "DYOCENSE_S3_ENDPOINT", "DYOCENSE_S3_ACCESS_KEY", "DYOCENSE_S3_SECRET_KEY")


@pytest.fixture(scope="session")
def neo4j() -> Mapping[str, str]:
    """Settings of Neo4j: DYOCENSE_NEO4J_URL, _USER, _PASSWORD."""
    return _need("Neo4j", "DYOCENSE_NEO4J_URL", "DYOCENSE_NEO4J_USER", "DYOCENSE_NEO4J_PASSWORD")


@pytest.fixture(scope="session")
def opa_server() -> Mapping[str, str]:
    """Settings of the OPA server: DYOCENSE_TEST_OPA_URL; conftest renames DYOCENSE_OPA_URL, which would decide every test."""
    return _need("OPA", "DYOCENSE_TEST_OPA_URL")
