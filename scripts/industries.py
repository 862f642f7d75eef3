"""The small data sets of the sample goals beyond groceries: one function per industry, each returning its tables.

Real: demand (expsmooth, M3, Complete Journey, USAID SCMS), lead times and, for health supplies, prices. Synthetic, from the seed of each
set: everything else. fixtures/README.md says which is which, with sources and licences.
"""

from __future__ import annotations

import csv
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from datetime import date, timedelta
from pathlib import Path
from statistics import mean, median

import numpy as np

Rows = list[list[object]]
#: file name -> header and rows
Tables = dict[str, tuple[list[str], Rows]]
Series = dict[str, list[tuple[str, float]]]


def read_rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8") as f:
        return list(csv.DictReader(f))


def series_of(rows: Iterable[Mapping[str, str]]) -> Series:
    out: Series = defaultdict(list)
    for r in rows:
        out[r["sku"]].append((r["period"], float(r["demand"])))
    return out


def real_leads(data: Path) -> dict[str, list[int]]:
    """Return the recorded lead times (days, 1 to 365) by vendor."""
    out: dict[str, list[int]] = defaultdict(list)
    for r in read_rows(data / "scms_lead_times.csv"):
        if r["lead_days"] and 0 < float(r["lead_days"]) <= 365:
            out[r["vendor"]].append(int(float(r["lead_days"])))
    return out


def shaped_deliveries(rng: np.random.Generator, data: Path, usual: Mapping[str, int], end: date, n: int = 30) -> Rows:
    """Return deliveries whose lead times are those of a real vendor, scaled so that their median is the supplier's usual one."""
    leads = real_leads(data)
    vendors = sorted((v for v in leads if len(leads[v]) >= 60), key=lambda v: (-len(leads[v]), v))
    rows: Rows = []
    for k, (supplier, days) in enumerate(usual.items()):
        real = leads[vendors[k % len(vendors)]]
        for pick in rng.choice(len(real), size=min(n, len(real)), replace=False):
            took = min(max(1, round(real[int(pick)] * days / median(real))), 3 * days)
            ordered = end - timedelta(days=int(rng.integers(3 * days + 1, 360)))
            rows.append([supplier, ordered.isoformat(), (ordered + timedelta(days=took)).isoformat()])
    return sorted(rows, key=lambda r: [str(v) for v in r])


def recent(values: list[tuple[str, float]], n: int) -> float:
    return mean(v for _, v in values[-n:])


def spare_parts(data: Path) -> Tables:
    """Intermittent car parts by month: an original maker that is near, an importer that is cheap and slow, a rebuilder."""
    rng = np.random.default_rng(20020401)
    series = series_of(read_rows(data / "carparts_monthly.csv"))
    ranked = sorted(series, key=lambda s: (-sum(v > 0 for _, v in series[s]), s))
    parts = [s for s in ranked if recent(series[s], 12) > 0.15][:16]
    suppliers: Rows = [
        ["OEM", "Original Parts", "local", 18, 9],
        ["IMPORT", "Far Trade", "import", 45, 55],
        ["REBUILT", "Second Life Works", "local", 12, 20],
    ]
    skus, offers, stock, orders, history = [], [], [], [], []  # type: ignore[var-annotated]
    for s in parts:
        price = round(float(rng.uniform(9, 140)), 2)
        skus.append([s, "slow" if sum(v > 0 for _, v in series[s]) < 30 else "fast", round(0.012 * price, 4), round(1.1 * price + 6, 2)])
        offers.append([s, "OEM", price, 1, 1])
        level = recent(series[s], 12)
        offers.append([s, "IMPORT", round(price * rng.uniform(0.68, 0.82), 2), 2 if level > 0.5 else 1, 1])
        if rng.random() < 0.4:
            offers.append([s, "REBUILT", round(price * rng.uniform(0.8, 0.9), 2), 1, 1])
        stock.append([s, round(level * rng.uniform(2.0, 4.0))])
        if rng.random() < 0.25:
            orders.append([s, max(1, round(level)), "2002-04-18"])
        history += [[s, when, int(v)] for when, v in series[s]]
    return {
        "skus.csv": (["sku", "category", "holding_cost", "shortage_cost"], skus),
        "suppliers.csv": (["supplier", "name", "region", "order_cost", "lead_days"], suppliers),
        "offers.csv": (["sku", "supplier", "price", "moq", "lot_size"], offers),
        "stock.csv": (["sku", "on_hand"], stock),
        "orders.csv": (["sku", "quantity", "due"], orders),
        "history.csv": (["sku", "date", "quantity"], history),
        "deliveries.csv": (
            ["supplier", "ordered_on", "received_on"],
            shaped_deliveries(rng, data, {str(s[0]): int(str(s[4])) for s in suppliers}, date(2002, 4, 1)),
        ),
    }


def jewelry(data: Path) -> Tables:
    """Costume jewelry by week for the end of a season: a near workshop, an importer with price breaks, what is left is sold off."""
    rng = np.random.default_rng(20000619)
    series = series_of(read_rows(data / "jewelry_weekly.csv"))
    last = max(w for v in series.values() for w, _ in v)
    ranked = sorted(series, key=lambda s: (-recent(series[s], 26), s))
    items = [s for s in ranked if series[s][-1][0] == last and min(v for _, v in series[s][-8:]) > 0][5:11]
    start = date.fromisoformat(last) + timedelta(days=7)
    skus, offers, stock, history = [], [], [], []  # type: ignore[var-annotated]
    for s in items:
        level = recent(series[s], 13)
        cost = round(float(rng.uniform(2.2, 7.5)), 2)
        skus.append(
            [
                s,
                str(rng.choice(["earrings", "necklaces", "bracelets"])),
                round(0.004 * cost, 4),
                round(1.4 * cost, 2),
                round(0.35 * cost, 2),
            ]
        )
        offers.append([s, "WORKSHOP", cost, "", 10, 12])
        cheap = cost * rng.uniform(0.66, 0.76)
        bulk = 12 * round(level * 4 / 12)
        offers.append([s, "IMPORT", round(cheap, 3), "", 36, 12])
        offers.append([s, "IMPORT", round(cheap * 0.9, 3), max(bulk, 48), 36, 12])
        stock.append([s, round(level * rng.uniform(2.0, 4.0))])
        history += [[s, when, int(v)] for when, v in series[s][-104:]]
    return {
        "skus.csv": (["sku", "category", "holding_cost", "shortage_cost", "salvage"], skus),
        "suppliers.csv": (
            ["supplier", "name", "region", "lead_days"],
            [["WORKSHOP", "Silver Lane", "local", 6], ["IMPORT", "Ocean Bead", "import", 26]],
        ),
        "offers.csv": (["sku", "supplier", "price", "min_qty", "moq", "lot_size"], offers),
        "stock.csv": (["sku", "on_hand"], stock),
        "history.csv": (["sku", "date", "quantity"], history),
        "deliveries.csv": (["supplier", "ordered_on", "received_on"], shaped_deliveries(rng, data, {"WORKSHOP": 6, "IMPORT": 26}, start)),
    }


def health(data: Path) -> Tables:
    """Health supplies by month: delivered packs as demand, prices and lead times as recorded, vendors by letter."""
    rng = np.random.default_rng(20150701)
    lines = [r for r in read_rows(data / "scms_lead_times.csv") if "2010-01-01" <= r["delivered"] < "2015-07-01"]
    of: dict[str, list[dict[str, str]]] = defaultdict(list)
    for r in lines:
        of[r["item"]].append(r)
    leads = {v: d for v, d in real_leads(data).items() if len(d) >= 25}
    counts = {i: Counter(r["vendor"] for r in rs if r["vendor"] in leads) for i, rs in of.items()}
    makers = {i: [v for v, _ in sorted(c.items(), key=lambda vn: (-vn[1], vn[0]))][:3] for i, c in counts.items()}
    ranked = sorted((i for i in of if makers[i]), key=lambda i: (-len({r["delivered"][:7] for r in of[i]}), i))[:8]
    used = sorted({v for i in ranked for v in makers[i]}, key=lambda v: (-len(leads[v]), v))
    letter = {v: f"V{chr(65 + k)}" for k, v in enumerate(used)}
    months = [f"{y}-{m:02d}" for y in range(2010, 2016) for m in range(1, 13) if (y, m) < (2015, 7)]
    skus, offers, stock, orders, history = [], [], [], [], []  # type: ignore[var-annotated]
    for k, item in enumerate(ranked):
        name = f"{'ARV' if of[item][0]['product_group'] == 'ARV' else 'KIT'}-{k + 1}"
        price = median(float(r["pack_price_usd"]) for r in of[item] if float(r["pack_price_usd"]) > 0)
        monthly: dict[str, float] = dict.fromkeys(months, 0.0)
        for r in of[item]:
            monthly[r["delivered"][:7]] += float(r["qty"])
        level = mean(list(monthly.values())[-24:])
        lot = 100 if level < 20000 else 1000
        skus.append([name, item.replace(",", " "), of[item][0]["product_group"], round(0.01 * price, 4), round(2.5 * price, 2)])
        for vendor in sorted(makers[item], key=lambda v: letter[v]):
            paid = median(float(r["pack_price_usd"]) for r in of[item] if r["vendor"] == vendor and float(r["pack_price_usd"]) > 0)
            offers.append([name, letter[vendor], round(paid, 2), 5 * lot, lot])
        stock.append([name, lot * round(level * rng.uniform(3.5, 5.5) / lot)])
        orders += [[name, lot * round(level * rng.uniform(0.5, 1.2) / lot), f"2015-{m:02d}-15"] for m in (7, 8, 9, 10)]
        history += [[name, f"{m}-01", int(v)] for m, v in monthly.items()]
    deliveries: Rows = []
    for vendor in used:
        known = [r for r in lines if r["vendor"] == vendor and r["lead_days"] and 0 < float(r["lead_days"]) <= 365]
        deliveries += [[letter[vendor], r["po_date"], r["delivered"]] for r in known[-40:]]
    picked = sorted(deliveries, key=lambda r: [str(v) for v in r])
    suppliers: Rows = [[letter[v], f"vendor {letter[v][1]} of the record", 2500, round(median(leads[v]))] for v in used]
    return {
        "skus.csv": (["sku", "name", "category", "holding_cost", "shortage_cost"], skus),
        "suppliers.csv": (["supplier", "name", "order_cost", "lead_days"], suppliers),
        "offers.csv": (["sku", "supplier", "price", "moq", "lot_size"], offers),
        "stock.csv": (["sku", "on_hand"], stock),
        "orders.csv": (["sku", "quantity", "due"], [r for r in orders if r[1]]),
        "history.csv": (["sku", "date", "quantity"], history),
        "deliveries.csv": (["supplier", "ordered_on", "received_on"], picked),
    }


def fresh(data: Path) -> Tables:
    """Fresh produce by day: two suppliers, a few days of shelf life, waste that costs."""
    rng = np.random.default_rng(20171225)
    kinds = {r["sku"]: r["product_type"] for r in read_rows(data / "grocery_items.csv") if r["department"] in {"PRODUCE", "MEAT"}}
    series = {s: v for s, v in series_of(read_rows(data / "grocery_daily.csv")).items() if s in kinds}
    life = {"BANANAS": 4, "MUSHROOMS": 3, "CHICKEN": 3, "POTATOES": 7, "ORANGES": 6, "APPLES": 7, "WATERMELON": 4}
    prices = defaultdict(list)
    for r in read_rows(data / "grocery_weekly.csv"):
        prices[r["sku"]].append(float(r["unit_price"]))
    skus, offers, stock, history = [], [], [], []  # type: ignore[var-annotated]
    for s in sorted(series):
        word = kinds[s].split()[0]
        if word not in life or recent(series[s], 28) < 2:
            continue
        shelf, level = median(prices[s]), recent(series[s], 28)
        cost = round(shelf * rng.uniform(0.55, 0.68), 3)
        skus.append(
            [
                word,
                kinds[s].title(),
                "fresh",
                round(0.002 * cost, 5),
                round(shelf - cost + 0.3 * cost, 2),
                round(0.25 * cost, 3),
                life[word],
            ]
        )
        lot = 12 if level > 12 else 3
        offers.append([word, "MARKET", cost, lot, lot])
        offers.append([word, "GROWER", round(cost * rng.uniform(0.82, 0.9), 3), 2 * lot, lot])
        stock.append([word, round(level * rng.uniform(1.8, 2.8))])
        history += [[word, when, int(v)] for when, v in series[s][-126:]]
    end = date.fromisoformat(str(history[-1][1])) + timedelta(days=1)
    return {
        "skus.csv": (["sku", "name", "category", "holding_cost", "shortage_cost", "waste_cost", "shelf_life"], skus),
        "suppliers.csv": (["supplier", "name", "lead_days"], [["MARKET", "City Market", 1], ["GROWER", "Growers' Ring", 2]]),
        "offers.csv": (["sku", "supplier", "price", "moq", "lot_size"], offers),
        "stock.csv": (["sku", "on_hand"], stock),
        "history.csv": (["sku", "date", "quantity"], history),
        "deliveries.csv": (["supplier", "ordered_on", "received_on"], shaped_deliveries(rng, data, {"MARKET": 1, "GROWER": 2}, end, 20)),
    }


def production(data: Path) -> Tables:
    """Six products on one line by month: real monthly series as demand, synthetic machine data."""
    rng = np.random.default_rng(1403)
    series = series_of(read_rows(data / "m3_micro_monthly.csv"))
    whole = sorted(s for s, v in series.items() if len(v) >= 60 and min(q for _, q in v) > 0)
    skus, stock, history = [], [], []  # type: ignore[var-annotated]
    first = date(2020, 1, 1)
    for k, s in enumerate(whole[:: max(1, len(whole) // 6)][:6]):
        name = f"PRODUCT-{k + 1}"
        level = recent(series[s], 12)
        minutes = round(6000 / level, 4)
        skus.append(
            [
                name,
                s,
                minutes,
                int(rng.choice([240, 360, 480])),
                int(rng.integers(900, 2400)),
                round(180 / level, 4),
                round(2600 / level, 4),
            ]
        )
        stock.append([name, round(level * rng.uniform(0.4, 0.9))])
        values = [v for _, v in series[s][-60:]]
        history += [[name, date(first.year + m // 12, m % 12 + 1, 1).isoformat(), int(v)] for m, v in enumerate(values)]
    return {
        "skus.csv": (["sku", "series", "unit_time", "setup_time", "setup_cost", "holding", "late_cost"], skus),
        "stock.csv": (["sku", "on_hand"], stock),
        "history.csv": (["sku", "date", "quantity"], history),
    }


def capacity(data: Path) -> Tables:
    """Picking teams for a warehouse: weekly units of four departments as the work to be done."""
    kinds = {r["sku"]: r["department"] for r in read_rows(data / "grocery_items.csv")}
    wanted = {"GROCERY": "ambient", "PRODUCE": "fresh", "MEAT": "cold", "MEAT-PCKGD": "cold", "DRUG GM": "nonfood"}
    weeks: dict[tuple[str, str], float] = defaultdict(float)
    for r in read_rows(data / "grocery_weekly.csv"):
        area = wanted.get(kinds.get(r["sku"], ""))
        if area:
            weeks[area, r["period"]] += float(r["demand"])
    areas = sorted({a for a, _ in weeks})
    rate = {"ambient": 620, "fresh": 380, "cold": 240, "nonfood": 110}  # units that one team picks in a week
    wage = {"ambient": 2900, "fresh": 2900, "cold": 3200, "nonfood": 2800}
    return {
        "skus.csv": (
            ["sku", "rate", "wage", "agency", "overflow"],
            [[a, rate[a], wage[a], round(1.35 * wage[a]), round(1.9 * wage[a] / rate[a], 3)] for a in areas],
        ),
        "history.csv": (["sku", "date", "quantity"], [[a, w, int(v)] for (a, w), v in sorted(weeks.items())]),
    }


INDUSTRIES: Mapping[str, Callable[[Path], Tables]] = {
    "spare-parts": spare_parts,
    "jewelry": jewelry,
    "health-supplies": health,
    "fresh": fresh,
    "production": production,
    "capacity": capacity,
}
