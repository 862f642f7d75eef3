# What the tests of the packages share: an organisation's data and a question that it answers with yes.
package dyocense.example_test

org := {
	"exempt_tenants": ["local"],
	"mandatory": ["vendors", "spend", "tiers"],
	"relax": {"*": {"*": {"max_fraction": 0.25}, "budget": {"max_fraction": 1.0}}},
	"required": {"acme": [["owner"]]},
	"spend": {"require_cap": false, "caps": {"acme": [{"max": 5000, "currency": "EUR"}]}},
	"tiers": {"free": {"scenarios": 20, "time_limit_s": 15, "cells": 1000}},
	"vendors": {"allow": {}, "deny": [], "deny_regions": []},
	"waivers": [],
}

question := {
	"stage": "admit",
	"meta": {"tenant": "acme", "tier": "free", "subject": "ana", "now": "2026-11-28", "soon": "2026-12-12"},
	"goal": {
		"id": "weekly",
		"owner": "ana",
		"policies": ["all"],
		"horizon": {"periods": 4},
		"forecast": {"num_scenarios": 20, "reduce": null},
		"limits": {"budget": {"max": {"value": 4000, "unit": "EUR"}, "over": "horizon"}},
		"solver": {"time_limit_s": 15},
	},
	"world": {
		"currency": "EUR",
		"rates": {"USD": 0.5},
		"suppliers": [{"id": "V1", "offers": 2, "region": "local"}, {"id": "V2", "offers": 1, "region": "local"}],
		"skus": 2,
		"cells": 12,
	},
	"mentions": {},
	"relaxations": [],
}

plan := {
	"status": "OPTIMAL",
	"currency": "EUR",
	"spend": {
		"total": 4000,
		"by_period": {"t1": 3000, "t2": 1000},
		"by_category": {"dairy": 2500},
		"by_supplier": {"V1": 4000},
		"by_period_category": {"t1": {"dairy": 2000}, "t2": {"dairy": 500}},
		"by_period_supplier": {"t1": {"V1": 3000}, "t2": {"V1": 1000}},
	},
	"suppliers": [{"id": "V1", "lines": 3, "region": "local"}],
}

finished := object.union(question, {"stage": "guard", "plan": plan})

# `question` with one part replaced.
asked(path, value) := json.patch(question, [{"op": "add", "path": path, "value": value}])

# `finished` with one part replaced.
done(path, value) := json.patch(finished, [{"op": "add", "path": path, "value": value}])

# `org` with one part replaced.
ruled(path, value) := json.patch(org, [{"op": "add", "path": path, "value": value}])

without(document, path) := json.patch(document, [{"op": "remove", "path": path}])

ids(findings) := {f.id | some f in findings}
