"""Webhooks: signed, to addresses that may be called, by one deliverer at a time, with secrets that change; warnings told once."""

from __future__ import annotations

import http.server
import json
import socket
import threading
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from dyocense_cli.adapters.clock.frozen import FrozenClock
from dyocense_cli.errors import AccessError, UsageError
from dyocense_cli.kernel.tenancy.tiers import TIERS
from dyocense_cli.serve.deliver import Deliverer, retry_after_s
from dyocense_cli.serve.webhooks import allowed_networks, reachable, signature
from dyocense_cli.wiring_service import Parts, open_parts

from .api import Service

Heard = list[tuple[dict[str, str], bytes]]


class Receiver:
    """A receiver on loopback; answers with `statuses` in turn, then 204."""

    def __init__(self) -> None:
        self.heard: Heard = []
        self.statuses: list[int] = []
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.heard.append(({k.lower(): v for k, v in self.headers.items()}, body))
                status = receiver.statuses.pop(0) if receiver.statuses else 204
                self.send_response(status)
                if status == 302:
                    self.send_header("Location", receiver.url + "/elsewhere")
                self.end_headers()

            def log_message(self, *args: object) -> None: ...

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()

    def close(self) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.close()


def at(parts: Parts, time: str) -> Parts:
    """The same parts under another clock."""
    return replace(parts, clock=FrozenClock(time))


def deliver_mine(service: Service, parts: Parts, *, tenant: str) -> list[bool]:
    """Try each due item of a tenant once; other tests' items stay."""
    deliverer = Deliverer(service.config, parts)
    return [deliverer._deliver(*item) for item in parts.due_items(10_000) if item[1] == tenant]


def finish(service: Service, **who: Any) -> str:
    """Cancel a fresh run by its row, as a worker closes one."""
    from dyocense_cli.serve.worker import RunHandler

    run_id: str = service.post("/plans", {"goal_id": "newsvendor", "seed": uuid.uuid4().int % 10**9}, **who).json()["run_id"]
    RunHandler(service.config, service.parts).close(who.get("tenant", service.tenant), run_id, "gone")
    return run_id


def test_each_message_is_signed_and_tried_again_until_it_arrives(service: Service, receiver: Receiver) -> None:
    hook = service.post("/webhooks", {"url": receiver.url + "/hook?from=dyocense"}).json()
    receiver.statuses = [500, 302]
    run_id = finish(service)
    clock = "2026-11-29T10:{:02d}:00.000000Z"
    parts = at(service.parts, "2099-01-01T00:00:00.000000Z")
    tries = []
    for minute in range(3):  # a minute between tries: longer than any pause of the first ones
        parts = at(service.parts, clock.format(minute).replace("2026", "2099"))
        tries += deliver_mine(service, parts, tenant=service.tenant)
    assert tries == [False, False, True]
    assert {h["webhook-id"] for h, _ in receiver.heard} == {f"{hook['webhook_id']}-{run_id}"}
    headers, body = receiver.heard[-1]
    assert json.loads(body) == {"event": "run.failed", "run_id": run_id, "tenant_id": service.tenant, "goal_id": "newsvendor"}
    assert headers["webhook-signature"] == signature(hook["secret"], headers["webhook-timestamp"], body)
    assert headers["host"] == receiver.url.removeprefix("http://")
    assert deliver_mine(service, at(service.parts, "2099-12-01T00:00:00.000000Z"), tenant=service.tenant) == []
    assert [retry_after_s(n) for n in (0, 1, 2, 20)] == [2.0, 4.0, 8.0, 3600.0]


def test_of_many_deliverers_one_sends(service: Service, receiver: Receiver) -> None:
    service.post("/webhooks", {"url": receiver.url})
    finish(service)
    with ThreadPoolExecutor(8) as pool:
        sent = list(pool.map(lambda _: deliver_mine(service, service.parts, tenant=service.tenant), range(8)))
    assert sum(map(sum, sent)) == 1
    assert len(receiver.heard) == 1


def test_a_message_is_given_up_evidence_never(service: Service, receiver: Receiver) -> None:
    service.post("/webhooks", {"url": receiver.url})
    receiver.statuses = [500]
    finish(service)
    [(item, tenant, kind, _)] = [i for i in service.parts.due_items(10_000) if i[1] == service.tenant]
    deliverer = Deliverer(service.config, service.parts)
    for attempts in range(29):
        assert service.parts.outbox(tenant).claim(item, attempts, 0.0)
    assert not deliverer._deliver(item, tenant, kind, 29)
    assert [i for i in at(service.parts, "2099-01-01T00:00:00.000000Z").due_items(10_000) if i[1] == service.tenant] == []


def test_a_new_secret_signs_beside_the_old_one_for_a_while(service: Service, receiver: Receiver) -> None:
    hook = service.post("/webhooks", {"url": receiver.url, "secret": "the first secret of all"}).json()
    answer = service.post(f"/webhooks/{hook['webhook_id']}/secret", {"overlap_h": 1}).json()
    assert answer["secret"] != hook["secret"]
    listed = service.get("/webhooks").json()["webhooks"]
    assert [(h["webhook_id"], h["url"]) for h in listed] == [(hook["webhook_id"], receiver.url)]
    assert "secret" not in listed[0]
    finish(service)
    deliver_mine(service, service.parts, tenant=service.tenant)
    finish(service)
    deliver_mine(service, at(service.parts, "2099-01-01T00:00:00.000000Z"), tenant=service.tenant)
    for (headers, body), secrets in zip(receiver.heard, ([answer["secret"], hook["secret"]], [answer["secret"]]), strict=True):
        assert headers["webhook-signature"].split() == [signature(s, headers["webhook-timestamp"], body) for s in secrets]
    gone = service.http.delete(f"/webhooks/{hook['webhook_id']}", headers=service.headers())
    assert (gone.status_code, gone.content) == (204, b"")
    finish(service)
    assert deliver_mine(service, service.parts, tenant=service.tenant) == []
    assert len(receiver.heard) == 2


def test_webhooks_of_one_tenant_are_nobody_elses(service: Service) -> None:
    hook = service.post("/webhooks", {"url": "http://127.0.0.1:9/a"}).json()["webhook_id"]
    other = {"tenant": service.tenant + "-other"}
    for answer in (
        service.post(f"/webhooks/{hook}/secret", {}, **other),
        service.http.delete(f"/webhooks/{hook}", headers=service.headers(**other)),
        service.post(f"/webhooks/{uuid.uuid4()}/secret", {}),
    ):
        assert (answer.status_code, answer.json()["code"]) == (404, "DY3113")
    assert service.get("/webhooks", **other).json() == {"webhooks": []}
    assert len(service.get("/webhooks").json()["webhooks"]) == 1


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/", "http://localhost:8000/runs", "http://10.0.0.1/", "http://192.168.1.1/", "http://169.254.169.254/latest",
        "http://[::1]/", "http://[::ffff:127.0.0.1]/", "http://[64:ff9b::7f00:1]/", "http://[fd00::1]/", "http://[fe80::1%25lo]/",
        "http://0.0.0.0/", "http://0/", "http://2130706433/", "http://0x7f.1/", "http://127.1/", "http://100.64.0.1/", "http://224.0.0.1/",
        "http://[2002:7f00:1::]/", "http://user@127.0.0.1/", "http://no.such.host.invalid/", "http://\u2460.\u2460.\u2460.\u2460:70000/",
        "http://" + "a" * 70 + ".example/", "http://./", "https://",
    ],
)  # fmt: skip
def test_addresses_inside_are_not_called(url: str) -> None:
    with pytest.raises(AccessError) as caught:
        reachable(url, ())
    assert (caught.value.code, caught.value.http_status) == ("DY3114", 422)


def test_a_public_address_is_called_and_a_private_one_where_the_operator_allows_it(service: Service) -> None:
    assert reachable("https://93.184.215.14/hook", ()) == "93.184.215.14"
    assert reachable("http://127.0.0.1:9/", allowed_networks(service.config)) == "127.0.0.1"
    with pytest.raises(AccessError, match="private address"):
        reachable("http://10.1.2.3/", allowed_networks(service.config))
    wrong = replace(
        service.config, settings=replace(service.config.settings, values={**service.config.settings.values, "webhook_allow": "x"})
    )
    with pytest.raises(UsageError, match="webhook_allow"):
        allowed_networks(wrong)
    refused = service.post("/webhooks", {"url": "http://10.1.2.3/"})
    assert (refused.status_code, refused.json()["code"]) == (422, "DY3114")


def test_a_name_that_leads_inside_later_is_not_called_then(service: Service, receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    service.post("/webhooks", {"url": receiver.url})
    finish(service)
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_more: [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("10.0.0.7", 0))])
    deliverer = Deliverer(service.config, service.parts)
    [item] = [i for i in service.parts.due_items(10_000) if i[1] == service.tenant]
    box = service.parts.outbox(service.tenant)
    assert box.claim(item[0], item[3], 0.0)
    kept = box.read(item[0])
    assert kept is not None
    with pytest.raises(AccessError, match="private address"):
        deliverer._webhook(service.tenant, item[0], kept[1], kept[2])
    assert receiver.heard == []


def test_the_80_percent_warning_is_told_once_whoever_crosses_the_line(service: Service, receiver: Receiver) -> None:
    service.post("/webhooks", {"url": receiver.url}, tier="enterprise")
    limit = TIERS["enterprise"].budgets()["solver_sec"]
    ledger = service.parts.ledger(service.tenant, TIERS["enterprise"].budgets())
    ledger.reserve("earlier", {"solver_sec": 0.8 * limit - 0.5})
    with ThreadPoolExecutor(8) as pool:  # each of them takes one second or so: any may be the one that crosses
        answers = list(pool.map(lambda seed: service.post("/plans", {"goal_id": "newsvendor", "seed": seed, "time_limit_s": 1}), range(16)))
    assert {a.status_code for a in answers} == {202}
    assert any(a.headers.get("Dyocense-Budget-Warning") == "solver_sec" for a in answers)
    deliver_mine(service, service.parts, tenant=service.tenant)
    told = [json.loads(b) for _, b in receiver.heard]
    month = service.parts.clock.now()[:7]
    assert told == [{"event": "budget.warning", "tenant_id": service.tenant, "budget": "solver_sec", "month": month}]
    runs = [a.json()["run_id"] for a in answers]
    events = [e for r in runs for e in service.parts.runs(service.tenant).events(r) if e[2] == "budget"]
    assert len(events) == 1


def test_real_use_that_crosses_the_line_warns_too(service: Service, receiver: Receiver) -> None:
    from dyocense_cli.serve.worker import RunHandler

    service.post("/webhooks", {"url": receiver.url}, tier="free")
    run_id = service.post("/plans", {"goal_id": "newsvendor"}, tier="free").json()["run_id"]
    row = service.parts.runs(service.tenant).read(run_id)
    assert row is not None
    RunHandler(service.config, service.parts)._finish(row, "succeeded", {"status": "OPTIMAL"}, None, solver_s=500.0, figures={})
    deliver_mine(service, service.parts, tenant=service.tenant)
    assert sorted(json.loads(b)["event"] for _, b in receiver.heard) == ["budget.warning", "run.succeeded"]


def test_open_parts_of_another_process_see_the_claim(service: Service, receiver: Receiver) -> None:
    service.post("/webhooks", {"url": receiver.url})
    finish(service)
    other = open_parts(service.config.database_url, dead_after_s=1.0)
    try:
        [item] = [i for i in other.due_items(10_000) if i[1] == service.tenant]
        assert service.parts.outbox(service.tenant).claim(item[0], item[3], service.parts.now_s() + 60.0)
        assert not Deliverer(service.config, other)._deliver(*item)
        assert receiver.heard == []
    finally:
        other.close()
