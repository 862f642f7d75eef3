"""Effective settings: flags > environment > dyocense.toml > default, each with where it came from.

The only module that reads the environment and `dyocense.toml`.
"""

from __future__ import annotations

import difflib
import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from dyocense_cli.errors import Span, UsageError

__all__ = ["OPTIONS", "Option", "Settings", "load_settings", "project_root"]


@dataclass(frozen=True, slots=True)
class Option:
    """One setting: its name, environment variable, default, kind and meaning; a secret is never shown."""

    name: str
    env: str
    default: str
    meaning: str
    secret: bool = False


OPTIONS: Final[tuple[Option, ...]] = (
    Option("store", "DYOCENSE_STORE", "runs/", "where runs are kept: a folder or s3://bucket/prefix"),
    Option("cache", "DYOCENSE_CACHE", ".dyocense", "folder of the stage cache and of what it refers to"),
    Option("tenant_id", "DYOCENSE_TENANT_ID", "local", "whose data this is"),
    Option("tier", "DYOCENSE_TIER", "pro", "free, standard, pro or enterprise: caps of scenarios and solve time"),
    Option("forecaster", "DYOCENSE_FORECASTER", "builtin", "forecast engine: builtin, statsforecast or statsmodels"),
    Option("graph", "DYOCENSE_GRAPH", "ladybug", "evidence graph: ladybug, neo4j or none"),
    Option("policies", "DYOCENSE_POLICIES", "policies", "folder of Rego packages; the shipped pack decides if it is absent"),
    Option("opa", "DYOCENSE_OPA", "", "path of the opa program; empty looks on PATH, then takes the shipped wasm"),
    Option("opa_url", "DYOCENSE_OPA_URL", "", "address of a running OPA server"),
    Option("s3_endpoint", "DYOCENSE_S3_ENDPOINT", "", "address of the S3 server"),
    Option("s3_access_key", "DYOCENSE_S3_ACCESS_KEY", "", "S3 access key", secret=True),
    Option("s3_secret_key", "DYOCENSE_S3_SECRET_KEY", "", "S3 secret key", secret=True),
    Option("neo4j_url", "DYOCENSE_NEO4J_URL", "", "address of Neo4j, bolt://…"),
    Option("neo4j_user", "DYOCENSE_NEO4J_USER", "", "Neo4j user"),
    Option("neo4j_password", "DYOCENSE_NEO4J_PASSWORD", "", "Neo4j password", secret=True),
    Option("qdrant_url", "DYOCENSE_QDRANT_URL", "", "address of Qdrant; empty keeps the index in a local folder"),
    Option("database_url", "DYOCENSE_DATABASE_URL", "", "postgresql://… of `serve`; empty uses SQLite", secret=True),
    Option("database_owner_url", "DYOCENSE_DATABASE_OWNER_URL", "", "owner's URL of the same database, for `serve migrate`", secret=True),
    Option("serve_state", "DYOCENSE_SERVE_STATE", ".dyocense/serve", "folder of `serve`: database, secret, tenants' runs and caches"),
    Option("keep_last", "DYOCENSE_KEEP_LAST", "", "runs of each plan that workers of `serve` keep; empty keeps all"),
    Option("archive", "DYOCENSE_ARCHIVE", "", "where older runs go: a folder or s3://bucket/prefix; empty: nowhere"),
    Option("tenants", "DYOCENSE_TENANTS", "", "YAML file of tenants: tier and own limits"),
    Option("pool_by", "DYOCENSE_POOL_BY", "shared", "shared: all tiers share the workers by weight; tier: a pool per tier"),
    Option("sandbox", "DYOCENSE_SANDBOX", "bubblewrap", "bubblewrap, or rlimits, which leaves the network open"),
    Option("when_down", "DYOCENSE_WHEN_DOWN", "refuse", "a service that a run needs is down: refuse the run (503) or hold it"),
    Option("jwt_algorithm", "DYOCENSE_JWT_ALGORITHM", "HS256", "HS256, RS256 or ES256; tokens of any other are refused"),
    Option("jwt_secret", "DYOCENSE_JWT_SECRET", "", "HS256 secret; empty makes one in the state folder", secret=True),
    Option("jwt_keys", "DYOCENSE_JWT_KEYS", "", "public keys: a PEM or JWKS file, or the address of a JWKS"),
    Option("jwt_audience", "DYOCENSE_JWT_AUDIENCE", "dyocense", "the audience that tokens must name"),
    Option("jwt_issuer", "DYOCENSE_JWT_ISSUER", "", "the issuer that tokens must name; empty takes any"),
    Option("redis_url", "DYOCENSE_REDIS_URL", "", "Redis of `serve` for rate limits", secret=True),
    Option("webhook_allow", "DYOCENSE_WEBHOOK_ALLOW", "", "private networks that webhooks may go to; empty: loopback on SQLite"),
    Option("telemetry", "DYOCENSE_TELEMETRY", "none", "none, console or otlp"),
    Option("otlp_endpoint", "OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4318", "where OTLP goes"),
    Option("traceparent", "TRACEPARENT", "", "trace of the caller that spans join"),
    Option("signing_key", "DYOCENSE_SIGNING_KEY", "", "file of the key that signs manifests"),
    Option("pii_key", "DYOCENSE_PII_KEY", "", "key of the hashes that stand for personal data", secret=True),
)


@dataclass(frozen=True, slots=True)
class Settings:
    """Every option's value and source (``default``, ``dyocense.toml``, ``environment`` or ``flag``), and the project's root."""

    values: Mapping[str, str]
    sources: Mapping[str, str]
    root: str

    def __getitem__(self, name: str) -> str:
        return self.values[name]

    def path(self, name: str) -> Path:
        """Return a path setting, relative ones from the project's root."""
        return Path(self.root) / self.values[name]

    def shown(self) -> dict[str, str]:
        """Return what may be shown: secrets as ``set`` or empty."""
        secrets = {o.name for o in OPTIONS if o.secret}
        return {k: ("set" if v else "") if k in secrets else v for k, v in sorted(self.values.items())}


def project_root(start: str | Path | None = None) -> Path:
    """Return the nearest folder upwards that holds `dyocense.toml`, else the current folder."""
    here = Path(start) if start else Path.cwd()
    here = here if here.is_absolute() else Path.cwd() / here
    for folder in (here, *here.parents):
        if (folder / "dyocense.toml").is_file():
            return folder
    return Path.cwd()


def _from_toml(path: Path) -> dict[str, str]:
    if not path.is_file():
        return {}
    try:
        table = tomllib.loads(path.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(
            "DY1015",
            f"dyocense.toml cannot be read: {error}",
            where=Span(path.name, 1, 1),
            hints="fix the file, or remove it to use the defaults",
        ) from error
    known = [o.name for o in OPTIONS]
    for key, value in table.items():
        if key not in known:
            near = difflib.get_close_matches(key, known, 1)
            raise UsageError(
                "DY1016",
                f"unknown setting `{key}` in dyocense.toml",
                where=Span(path.name, 1, 1),
                hints=f"did you mean `{near[0]}`?" if near else "dyocense config show lists all settings",
            )
        if isinstance(value, (dict, list)):
            raise UsageError(
                "DY1017", f"setting `{key}` must be a text, a number or a switch", where=Span(path.name, 1, 1), hints=f'write {key} = "…"'
            )
    return {k: str(v).lower() if isinstance(v, bool) else str(v) for k, v in table.items()}


def load_settings(flags: Mapping[str, str | None] | None = None, *, start: str | Path | None = None) -> Settings:
    """Resolve all options.

    Raises
    ------
    UsageError
        DY1015–DY1017 for a `dyocense.toml` that cannot be read or names an unknown setting.
    """
    root = project_root(start)
    toml = _from_toml(root / "dyocense.toml")
    values: dict[str, str] = {}
    sources: dict[str, str] = {}
    for option in OPTIONS:
        flag = (flags or {}).get(option.name)
        if flag is not None:
            values[option.name], sources[option.name] = flag, "flag"
        elif option.env in os.environ:
            values[option.name], sources[option.name] = os.environ[option.env], f"environment {option.env}"
        elif option.name in toml:
            values[option.name], sources[option.name] = toml[option.name], "dyocense.toml"
        else:
            values[option.name], sources[option.name] = option.default, "default"
    return Settings(values, sources, str(root))
