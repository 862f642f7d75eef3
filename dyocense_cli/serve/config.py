"""What the service is told: settings read once, tenants and their tiers."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import yaml

from dyocense_cli.defaults import default
from dyocense_cli.errors import UsageError
from dyocense_cli.kernel.tenancy.tiers import Tier, tier
from dyocense_cli.settings import Settings

__all__ = ["FINAL", "ServeConfig", "number", "read_config"]

#: Statuses a run never leaves.
FINAL: Final = ("succeeded", "failed", "cancelled")


def number(name: str) -> float:
    """Return a default that is a number."""
    value = default(name)
    assert isinstance(value, (int, float)), name
    return value


@dataclass(frozen=True, slots=True)
class ServeConfig:
    """Everything `serve` and its workers need; no adapter reads the environment itself."""

    project: Path
    state: Path
    database_url: str
    settings: Settings
    redis_url: str = ""
    sandbox: str = "bubblewrap"
    pool_by: str = "shared"
    when_down: str = "refuse"
    jwt_algorithm: str = "HS256"
    jwt_keys: str = ""
    jwt_secret: str = ""
    jwt_audience: str = "dyocense"
    jwt_issuer: str = ""
    jwt_leeway_s: int = 30
    tenants: Mapping[str, tuple[str, Mapping[str, float]]] = field(default_factory=dict)
    body_limit: int = 8 << 20

    def tier_of(self, tenant: str, claimed: str) -> Tier:
        """Return a tenant's limits: those of the tenants file where it is named, else of the tier in its token."""
        if tenant in self.tenants:
            name, own = self.tenants[tenant]
            return tier(name, own)
        return tier(claimed)

    def pool_of(self, tier_name: str) -> str:
        """Return the pool of workers that serves a tier."""
        return "main" if self.pool_by == "shared" else tier_name

    def pools(self) -> tuple[str, ...]:
        """Return all pools."""
        return ("main",) if self.pool_by == "shared" else ("free", "standard", "pro", "enterprise")

    def tenant_folder(self, tenant: str) -> Path:
        """Return the folder that holds all files of a tenant."""
        return self.state / "tenants" / tenant


def read_config(settings: Settings) -> ServeConfig:
    """Return the service's configuration; makes its state folder and, for HS256 without a secret, a secret that only the owner reads.

    Raises
    ------
    UsageError
        DY3103 for a tenants file that is not a mapping of tenant to tier and limits.
    """
    state = settings.path("serve_state").absolute()
    state.mkdir(parents=True, exist_ok=True)
    url = settings["database_url"] or f"sqlite:///{state / 'service.sqlite'}"
    secret = settings["jwt_secret"]
    if not secret and settings["jwt_algorithm"] == "HS256":
        secret = _own_secret(state / "secret")
    return ServeConfig(
        project=Path(settings.root).absolute(),
        state=state,
        database_url=url,
        settings=settings,
        redis_url=settings["redis_url"],
        sandbox=settings["sandbox"],
        pool_by=settings["pool_by"],
        when_down=settings["when_down"],
        jwt_algorithm=settings["jwt_algorithm"],
        jwt_keys=settings["jwt_keys"],
        jwt_secret=secret,
        jwt_audience=settings["jwt_audience"],
        jwt_issuer=settings["jwt_issuer"],
        tenants=_tenants(settings),
        body_limit=int(number("serve.body_limit_bytes")),
    )


def _own_secret(path: Path) -> str:
    try:
        handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    except FileExistsError:
        return path.read_text("ascii").strip()
    text = secrets.token_urlsafe(48)
    with os.fdopen(handle, "w", encoding="ascii") as file:
        file.write(text)
    return text


def _tenants(settings: Settings) -> dict[str, tuple[str, Mapping[str, float]]]:
    if not settings["tenants"]:
        return {}
    path = settings.path("tenants")
    try:
        raw = yaml.safe_load(path.read_text("utf-8"))
    except (OSError, yaml.YAMLError, UnicodeDecodeError) as error:
        raise UsageError("DY3103", f"the tenants file cannot be read: {error}", hints="tenants: {acme: {tier: pro, weight: 6}}") from error
    entries = raw.get("tenants", raw) if isinstance(raw, Mapping) else None
    if not isinstance(entries, Mapping):
        raise UsageError("DY3103", "the tenants file is not a mapping", hints="tenants: {acme: {tier: pro, weight: 6}}")
    out: dict[str, tuple[str, Mapping[str, float]]] = {}
    for tenant, entry in entries.items():
        limits = dict(entry) if isinstance(entry, Mapping) else {"tier": entry}
        name = str(limits.pop("tier", "free"))
        numbers = {str(k): float(v) for k, v in limits.items() if isinstance(v, (int, float)) and not isinstance(v, bool)}
        if len(numbers) != len(limits):
            raise UsageError("DY3103", f"tenant `{tenant}` has a limit that is no number", hints="acme: {tier: pro, weight: 6}")
        tier(name, numbers)
        out[str(tenant)] = (name, numbers)
    return out
