package dyocense.spend_test

import data.dyocense.example_test as example
import data.dyocense.rules.spend

capped(caps) := example.ruled("/spend/caps", {"acme": caps})

test_a_budget_at_the_cap_is_within_it if {
	goal := example.asked("/goal/limits/budget/max/value", 5000)
	spend.deny == set() with input as goal with data.org as example.org
}

test_a_plan_without_its_spend_is_not_waved_through if {
	plan := example.without(example.finished, "/plan/spend")
	example.ids(spend.deny) == {"POL-S001"} with input as plan with data.org as example.org
}

test_a_budget_over_the_cap_is_told if {
	goal := example.asked("/goal/limits/budget/max/value", 5001)
	some f in spend.deny with input as goal with data.org as example.org
	f.id == "POL-S001"
	f.path == ["limits", "budget", "max"]
	f.args == {"what": "the budget", "have": 5001, "cap": 5000, "currency": "EUR", "cap_name": "POL-S001"}
}

test_a_budget_per_period_counts_for_every_period if {
	goal := json.patch(example.question, [
		{"op": "add", "path": "/goal/limits/budget/over", "value": "period"},
		{"op": "add", "path": "/goal/limits/budget/max/value", "value": 1251},
	])
	example.ids(spend.deny) == {"POL-S001"} with input as goal with data.org as example.org
}

test_a_bare_number_is_in_the_context_currency if {
	goal := example.asked("/goal/limits/budget/max", {"value": 5001, "unit": null})
	example.ids(spend.deny) == {"POL-S001"} with input as goal with data.org as example.org
}

test_currencies_are_compared_by_the_rate if {
	goal := example.asked("/goal/limits/budget/max", {"value": 10000, "unit": "USD"})
	spend.deny == set() with input as goal with data.org as example.org
	over := example.asked("/goal/limits/budget/max", {"value": 10001, "unit": "USD"})
	deny := spend.deny with input as over with data.org as example.org
	{[f.id, f.args.have] | some f in deny} == {["POL-S001", 5000.5]}
}

test_a_currency_without_a_rate_is_not_waved_through if {
	goal := example.asked("/goal/limits/budget/max", {"value": 1, "unit": "GBP"})
	example.ids(spend.deny) == {"POL-S001", "POL-S006"} with input as goal with data.org as example.org
	foreign := capped([{"max": 1, "currency": "GBP"}])
	example.ids(spend.deny) == {"POL-S006"} with input as example.question with data.org as foreign
}

test_no_budget_is_told if {
	goal := example.without(example.question, "/goal/limits/budget")
	example.ids(spend.deny) == {"POL-S005"} with input as goal with data.org as example.org
}

test_a_cap_per_period if {
	per_period := capped([{"max": 1000, "currency": "EUR", "over": "period"}])
	example.ids(spend.deny) == {"POL-S002"} with input as example.question with data.org as per_period
	example.ids(spend.deny) == {"POL-S002"} with input as example.finished with data.org as per_period
	roomy := capped([{"max": 3000, "currency": "EUR", "over": "period"}])
	spend.deny == set() with input as example.finished with data.org as roomy
	modest := example.asked("/goal/limits/budget/max/value", 1000)
	spend.deny == set() with input as modest with data.org as per_period
}

test_a_plan_over_the_cap_is_told if {
	low := capped([{"max": 3999, "currency": "EUR"}])
	some f in spend.deny with input as example.finished with data.org as low
	f.id == "POL-S001"
	f.args.what == "the plan's spend"
}

test_a_category_over_its_cap if {
	deny := spend.deny with input as example.finished with data.org as capped([{"max": 2499, "currency": "EUR", "category": "dairy"}])
	{f.args.what | some f in deny} == {"the spend on category dairy"}
	example.ids(deny) == {"POL-S003"}
	monthly := capped([{"max": 600, "currency": "EUR", "category": "dairy", "over": "period"}])
	each := spend.deny with input as example.finished with data.org as monthly
	{f.args.what | some f in each} == {"the spend on category dairy in t1"}
}

test_a_supplier_over_its_cap if {
	deny := spend.deny with input as example.finished with data.org as capped([{"max": 3999, "currency": "EUR", "supplier": "V1"}])
	example.ids(deny) == {"POL-S004"}
}

test_caps_have_names_and_the_context_currency if {
	caps := spend.caps with input as example.question with data.org as capped([
		{"max": 10, "currency": "USD"},
		{"max": 20, "currency": "EUR", "over": "period"},
		{"max": 30, "currency": "EUR", "category": "dairy", "over": "period"},
		{"max": 40, "currency": "EUR", "supplier": "V1"},
	])
	{c.name: c.max | some c in caps} == {"POL-S001": 5, "POL-S002": 20, "POL-S003:dairy:period": 30, "POL-S004:V1": 40}
}

test_a_tenant_without_cap_where_one_is_required if {
	strict := example.ruled("/spend", {"require_cap": true, "caps": {}})
	example.ids(spend.deny) == {"POL-S007"} with input as example.question with data.org as strict
}

test_a_cap_for_all_counts_for_a_tenant_without_one if {
	all_tenants := example.ruled("/spend/caps", {"*": [{"max": 1, "currency": "EUR"}]})
	example.ids(spend.deny) == {"POL-S001"} with input as example.question with data.org as all_tenants
}

test_facts_are_what_was_read if {
	some f in spend.facts with input as example.question with data.org as example.org
	f == {"name": "caps.acme", "value": [{"max": 5000, "currency": "EUR"}]}
}

test_a_name_that_is_not_text_is_shown_as_unknown if {
	odd := example.done("/plan/spend/by_period", [9000])
	per_period := capped([{"max": 1000, "currency": "EUR", "over": "period"}])
	deny := spend.deny with input as odd with data.org as per_period
	{f.args.what | some f in deny} == {"the spend of ?"}
}

test_a_tenant_that_is_not_text_leaves_no_fact if {
	spend.facts == set() with input as example.asked("/meta/tenant", ["acme"]) with data.org as example.ruled("/spend/caps", {"*": [{"max": 1, "currency": "EUR"}]})
}
