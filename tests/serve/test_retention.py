"""Retention over all tenants, in folders and in an object store: the last runs of a plan stay, and what something refers to."""

from __future__ import annotations

import json
import os
import uuid
from pathlib import Path
from typing import Any

import pytest

from dyocense_cli import wiring
from dyocense_cli.errors import UsageError
from dyocense_cli.ports.service import RunRow
from dyocense_cli.serve.config import ServeConfig, read_config
from dyocense_cli.serve.retention import retain, set_lifecycle
from dyocense_cli.serve.store import run_files, tenant_settings
from dyocense_cli.wiring_service import Parts, migrate_database, open_parts

from .api import settings_for


def bucket() -> tuple[Any, str]:
    """Return a client and a bucket of its own: lifecycle rules belong to a whole bucket."""
    from minio import Minio

    endpoint = os.environ["DYOCENSE_S3_ENDPOINT"]
    client = Minio(endpoint.partition("://")[2], os.environ["DYOCENSE_S3_ACCESS_KEY"], os.environ["DYOCENSE_S3_SECRET_KEY"], secure=False)
    name = f"retain-{uuid.uuid4().hex[:12]}"
    client.make_bucket(name)
    return client, name


@pytest.fixture(params=["directory", "s3"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[ServeConfig, Parts, str]:
    """A service's configuration, its database, and where old runs go."""
    more, archive = {}, str(tmp_path / "archive")
    if request.param == "s3":
        request.getfixturevalue("minio")
        _, name = bucket()
        keys = {f"s3_{k}": os.environ[f"DYOCENSE_S3_{k.upper()}"] for k in ("endpoint", "access_key", "secret_key")}
        more, archive = {"store": f"s3://{name}/hot", **keys}, f"s3://{name}/cold"
    url = f"sqlite:///{tmp_path / 'service.sqlite'}"
    migrate_database(url)
    return read_config(settings_for(tmp_path / "state", url, **more)), open_parts(url, dead_after_s=5.0), archive


def commit(config: ServeConfig, tenant: str, run_id: str, goal: str, **options: str) -> None:
    """Store a run of a tenant as a worker leaves it: in its folder, and in the object store where there is one."""
    told = {"run_id": run_id, "goal_id": goal, "variant": "", "run_fingerprint": f"sha256:{run_id}", "options": options}
    manifest = {"subject": [], "predicate": told}
    files = run_files(config, tenant)
    files.commit(run_id, {"plan.csv": f"line of {run_id}\n".encode()}, json.dumps(manifest).encode())


def test_the_last_runs_stay_and_older_ones_are_whole_in_the_archive(place: tuple[ServeConfig, Parts, str]) -> None:
    config, parts, archive = place
    for i in range(5):
        commit(config, "acme", f"r{i}", "week")
    commit(config, "acme", "other", "month")
    commit(config, "acme", "r5", "week", warm_from="r1")  # a run that stays was started from r1
    commit(config, "zenith", "z0", "week")
    row = RunRow("00000000-0000-0000-0000-000000000002", "acme", "pro", "k", result=json.dumps({"kernel_run_id": "r2"}))
    parts.runs("acme").create(row)
    parts.outbox("acme").put(f"evidence-{row.run_id}", "evidence", "", "{}")  # r2's evidence is not in the graph yet
    foreseen = retain(config, parts, keep_last=2, archive=archive, dry_run=True)
    assert run_files(config, "acme").list() == ["other", "r0", "r1", "r2", "r3", "r4", "r5"]
    done = retain(config, parts, keep_last=2, archive=archive)
    assert [(k.tenant, k.gone) for k in foreseen] == [(k.tenant, k.gone) for k in done] == [("acme", ("r0", "r3")), ("zenith", ())]
    assert run_files(config, "acme").list() == ["other", "r1", "r2", "r4", "r5"]
    cold = wiring.archive_runs(tenant_settings(config, "acme", "pro"), run_files(config, "acme"), archive)
    assert cold.remote.list() == ["r0", "r3"]
    assert cold.read("r3", "plan.csv") == b"line of r3\n"
    assert run_files(config, "zenith").list() == ["z0"]
    assert [k.gone for k in retain(config, parts, keep_last=2, archive=archive)] == [(), ()]
    item, secret = f"evidence-{row.run_id}", parts.outbox("acme")
    secret.delivered(item)
    assert retain(config, parts, keep_last=2, archive=archive)[0].gone == ("r2",)
    assert retain(config, parts, keep_last=1)[0].gone == ("r4",)  # r1 stays as long as r5 does
    parts.close()


def test_a_broken_sweep_goes_on_where_it_stopped(place: tuple[ServeConfig, Parts, str], monkeypatch: pytest.MonkeyPatch) -> None:
    config, parts, archive = place
    for i in range(4):
        commit(config, "acme", f"r{i}", "week")
    kind, calls = type(wiring.run_store(tenant_settings(config, "acme", "pro"))), []

    def killed(self: Any, run_id: str) -> None:
        calls.append(run_id)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(kind, "delete", killed)
        with pytest.raises(KeyboardInterrupt):
            retain(config, parts, keep_last=1, archive=archive)
    assert calls == ["r0"]
    assert run_files(config, "acme").list() == ["r0", "r1", "r2", "r3"]  # it is in the archive, and still here
    assert retain(config, parts, keep_last=1, archive=archive)[0].gone == ("r0", "r1", "r2")
    assert run_files(config, "acme").list() == ["r3"]
    parts.close()


def test_a_bucket_takes_our_rules_beside_those_of_others(minio: object, tmp_path: Path) -> None:
    from minio.commonconfig import ENABLED, Filter
    from minio.lifecycleconfig import Expiration, LifecycleConfig, Rule

    client, name = bucket()
    keys = {f"s3_{k}": os.environ[f"DYOCENSE_S3_{k.upper()}"] for k in ("endpoint", "access_key", "secret_key")}
    theirs = Rule(ENABLED, rule_filter=Filter(prefix="logs/"), rule_id="logs", expiration=Expiration(days=3))
    client.set_bucket_lifecycle(name, LifecycleConfig([theirs]))
    url = f"sqlite:///{tmp_path / 'service.sqlite'}"
    config = read_config(settings_for(tmp_path / "state", url, store=f"s3://{name}/hot", **keys))
    for tenant in ("acme", "zenith"):
        config.tenant_folder(tenant).mkdir(parents=True)
    for days in (400, 365):  # set again: replaced, not doubled
        rules = set_lifecycle(config, archive=f"s3://{name}/cold", days=days)
    assert rules == [
        ("cold/acme/runs/", 365, ""),
        ("cold/zenith/runs/", 365, ""),
        ("hot/acme/stages/", 7, ""),
        ("hot/zenith/stages/", 7, ""),
    ]
    held = {r.rule_id: r for r in client.get_bucket_lifecycle(name).rules}
    assert held["logs"].expiration.days == 3
    assert len(held) == 5
    with pytest.raises(UsageError, match="not a bucket"):
        set_lifecycle(config, archive=str(tmp_path), days=1)
