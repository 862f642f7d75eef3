"""Make the committed fixtures from the shared demand and shipment data.

    python scripts/make_fixtures.py ../shared/data

Real: weekly demand of grocery SKUs (Complete Journey 2017, MIT / CC0) and the shape of the lead times (USAID SCMS Delivery
History, US government work). Synthetic, from the seed below, and labelled so in each context file: suppliers, offers, stock, open
orders, volumes and cost rates. A supplier's lead times are those of one real vendor, divided so that its median is the
synthetic supplier's; purchase prices are a share of the SKU's median shelf price.
"""

from __future__ import annotations

import csv
import re
import sys
from collections import defaultdict
from datetime import date, timedelta
from pathlib import Path
from statistics import mean, median

import numpy as np
from industries import INDUSTRIES

SEED = 20171225
START = date(2017, 12, 25)
DROPPED = {"EXCP", "INCL", "ONLY", "ALL", "NOT", "OR", "OF"}
DAIRY = ("MILK", "CHEESE", "YOGURT", "EGGS", "CREAM", "BUTTER", "DAIRY")
DRINKS = ("DRNK", "DRINK", "WATER", "JUICE", "TEA", "CIDER")
Series = dict[str, list[tuple[str, int, float]]]


def slug(text: str) -> str:
    words = re.findall(r"[A-Z0-9]+", text.upper())
    return "-".join(w for w in words if w not in DROPPED)[:24].strip("-")


def category(kind: str) -> str:
    if any(w in kind for w in DAIRY):
        return "dairy"
    return "drinks" if any(w in kind for w in DRINKS) else "shelf"


def read(data: Path) -> tuple[dict[str, str], Series]:
    with (data / "grocery_items.csv").open(encoding="utf-8") as f:
        kinds = {r["sku"]: r["product_type"] for r in csv.DictReader(f) if r["department"] == "GROCERY"}
    series: Series = defaultdict(list)
    with (data / "grocery_weekly.csv").open(encoding="utf-8") as f:
        for r in csv.DictReader(f):
            if r["sku"] in kinds:
                series[r["sku"]].append((r["period"], int(float(r["demand"])), float(r["unit_price"])))
    return kinds, series


def lead_days(data: Path) -> dict[str, list[int]]:
    out: dict[str, list[int]] = defaultdict(list)
    with (data / "scms_lead_times.csv").open(encoding="utf-8") as f:
        for r in csv.DictReader(f):
            if r["lead_days"] and float(r["lead_days"]) > 0:
                out[r["vendor"]].append(int(float(r["lead_days"])))
    return out


def write(path: Path, header: list[str], rows: list[list[object]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as f:
        writer = csv.writer(f, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


def name_skus(skus: list[str], kinds: dict[str, str]) -> dict[str, str]:
    seen: dict[str, int] = defaultdict(int)
    out = {}
    for s in skus:
        base = slug(kinds[s])
        seen[base] += 1
        out[s] = f"{base}-{seen[base]}"
    return out


def deliveries(rng: np.random.Generator, leads: dict[str, list[int]], suppliers: list[list[object]], n: int) -> list[list[object]]:
    rows: list[list[object]] = []
    vendors = sorted((v for v in leads if len(leads[v]) >= 60), key=lambda v: (-len(leads[v]), v))
    for k, supplier in enumerate(suppliers):
        real = leads[vendors[k % len(vendors)]]
        usual = int(str(supplier[5]))
        for pick in rng.choice(len(real), size=min(n, len(real)), replace=False):
            ordered = START - timedelta(days=int(rng.integers(4 * usual + 1, 350)))
            days = min(max(1, round(real[int(pick)] * usual / median(real))), 4 * usual)
            rows.append([supplier[0], ordered.isoformat(), (ordered + timedelta(days=days)).isoformat()])
    return sorted(rows, key=lambda r: (str(r[0]), str(r[1]), str(r[2])))


def offers_of(
    rng: np.random.Generator, name: str, suppliers: list[list[object]], *, cost: float, level: float, lot: int
) -> list[list[object]]:
    chosen = sorted(int(j) for j in rng.choice(len(suppliers), size=min(3, len(suppliers)), replace=False))
    rows: list[list[object]] = []
    for j in chosen[: int(rng.integers(2, 4))]:
        moq = lot * int(rng.integers(1, 4))
        cap = int(lot * np.ceil(level * rng.uniform(1.6, 2.6) / lot))
        price = round(cost * rng.uniform(0.92, 1.15), 3)
        rows.append([name, suppliers[j][0], price, moq, lot, max(cap, moq), round(float(rng.uniform(0.05, 0.6)), 3)])
    return rows


def make(
    out: Path,
    skus: list[str],
    kinds: dict[str, str],
    series: Series,
    leads: dict[str, list[int]],
    suppliers: list[list[object]],
    seed: int,
    *,
    order_costs: bool,
) -> None:
    rng = np.random.default_rng(seed)
    names = name_skus(skus, kinds)
    sku_rows: list[list[object]] = []
    offers: list[list[object]] = []
    stock: list[list[object]] = []
    orders: list[list[object]] = []
    history: list[list[object]] = []
    for s in skus:
        name, kind = names[s], category(kinds[s])
        shelf = median(p for _, _, p in series[s])
        level = mean([d for _, d, _ in series[s]][-12:])
        cost = round(shelf * rng.uniform(0.62, 0.78), 2)
        volume = round(float(rng.uniform(0.0012, 0.009)), 4)
        life = int(rng.integers(3, 6)) if kind == "dairy" else ""
        sku_rows.append(
            [name, kinds[s].title(), kind, "each", volume, round(0.012 * cost, 4), round(max(shelf - cost, 0.1) + 0.5 * cost, 2), life]
        )
        lot = int(rng.choice([6, 12, 24]))
        offers += offers_of(rng, name, suppliers, cost=cost, level=level, lot=lot)
        stock.append([name, round(level * rng.uniform(1.8, 3.2))])
        if rng.random() < 0.3:
            orders.append([name, lot * int(rng.integers(1, 3)), (START + timedelta(days=int(rng.integers(0, 7)))).isoformat()])
        history += [[name, when, d] for when, d, _ in series[s]]
    write(out / "skus.csv", ["sku", "name", "category", "unit", "volume", "holding_cost", "shortage_cost", "shelf_life"], sku_rows)
    header = ["supplier", "name", "region", "order_cost", "min_order_value", "lead_days", "capacity", "contact_email"]
    kept = [i for i, column in enumerate(header) if order_costs or column not in {"order_cost", "min_order_value"}]
    write(out / "suppliers.csv", [header[i] for i in kept], [[row[i] for i in kept] for row in suppliers])
    write(out / "offers.csv", ["sku", "supplier", "price", "moq", "lot_size", "capacity", "co2"], offers)
    write(out / "stock.csv", ["sku", "on_hand"], stock)
    write(out / "orders.csv", ["sku", "quantity", "due"], orders)
    write(out / "history.csv", ["sku", "date", "quantity"], history)
    write(out / "deliveries.csv", ["supplier", "ordered_on", "received_on"], deliveries(rng, leads, suppliers, 60))


def main(data: Path, out: Path) -> None:
    kinds, series = read(data)
    leads = lead_days(data)
    order = sorted(series.items(), key=lambda kv: (-sum(d for _, d, _ in kv[1]), kv[0]))
    ranked = [s for s, v in order if min(d for _, d, _ in v[-8:]) > 0]
    grocery = ranked[:48]
    total = sum(mean([d for _, d, _ in series[s]][-12:]) for s in grocery)
    grocery_suppliers: list[list[object]] = [
        ["S1", "Northgate Foods", "local", 35, 150, 3, round(total * 0.45), "orders@northgate.example"],
        ["S2", "Harbor Wholesale", "local", 45, 200, 5, round(total * 0.40), "desk@harbor.example"],
        ["S3", "Prairie Dairy Co-op", "local", 25, 100, 4, round(total * 0.35), "sales@prairie.example"],
        ["S4", "Union Grocers Supply", "national", 60, 300, 8, round(total * 0.35), "edi@union.example"],
        ["S5", "Blue Ridge Beverages", "national", 50, 250, 7, round(total * 0.30), "po@blueridge.example"],
        ["S6", "Continental Import", "import", 80, 400, 13, round(total * 0.30), "buy@continental.example"],
    ]
    make(out / "grocery", grocery, kinds, series, leads, grocery_suppliers, SEED, order_costs=False)
    dairy_suppliers: list[list[object]] = [
        ["S1", "Meadow Creamery", "local", 12, 40, 2, 900, "orders@meadow.example"],
        ["S2", "Valley Dairy", "local", 15, 60, 3, 900, "orders@valley.example"],
        ["S3", "Alpine Milk Trading", "import", 25, 120, 6, 900, "orders@alpine.example"],
    ]
    dairy = [s for s in ranked if category(kinds[s]) == "dairy"][:8]
    make(out / "dairy", dairy, kinds, series, leads, dairy_suppliers, SEED + 1, order_costs=True)
    for name, tables_of in INDUSTRIES.items():
        for file, (header, rows) in tables_of(data).items():
            write(out / name / file, header, rows)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(__file__).resolve().parent.parent / "fixtures")
