package dyocense.main_test

import data.dyocense.example_test as example
import data.dyocense.main

test_a_plain_question_is_allowed if {
	main.decision.allow with input as example.question with data.org as example.org
}

test_a_finished_plan_is_allowed if {
	main.decision.allow with input as example.finished with data.org as example.org
}

test_every_package_answers if {
	main.decision.packages == {"fields", "spend", "tiers", "vendors"} with input as example.question with data.org as example.org
}

test_an_empty_question_is_refused if {
	decision := main.decision with input as {} with data.org as example.org
	not decision.allow
	example.ids(decision.deny) == {"POL-G005"}
}

test_each_missing_part_is_refused if {
	every path in ["/stage", "/meta/tenant", "/meta/tier", "/goal/policies", "/world/suppliers", "/world/currency"] {
		decision := main.decision with input as example.without(example.question, path) with data.org as example.org
		"POL-G005" in example.ids(decision.deny)
	}
}

test_a_plan_without_its_spend_is_refused if {
	decision := main.decision with input as example.without(example.finished, "/plan/spend/total") with data.org as example.org
	"POL-G005" in example.ids(decision.deny)
}

test_a_policy_that_is_not_text_is_refused if {
	decision := main.decision with input as example.asked("/goal/policies", ["all", 3]) with data.org as example.org
	"POL-G005" in example.ids(decision.deny)
}

test_a_policy_that_does_not_exist_is_refused if {
	decision := main.decision with input as example.asked("/goal/policies", ["vendor"]) with data.org as example.org
	some f in decision.deny
	f.id == "POL-G001"
	f.path == ["policies", 0]
	f.args.name == "vendor"
}

denies_v1 := example.ruled("/vendors/deny", [{"supplier": "V1", "reason": "r", "owner": "o"}])

test_a_goal_cannot_leave_out_a_mandatory_policy if {
	decision := main.decision with input as example.asked("/goal/policies", []) with data.org as denies_v1
	"POL-V001" in example.ids(decision.deny)
}

test_a_goal_may_leave_out_another if {
	goal := json.patch(example.question, [
		{"op": "add", "path": "/goal/policies", "value": ["vendors"]},
		{"op": "remove", "path": "/goal/owner"},
	])
	main.decision.allow with input as goal with data.org as example.org
}

test_all_may_be_mandatory if {
	goal := json.patch(example.question, [
		{"op": "add", "path": "/goal/policies", "value": ["vendors"]},
		{"op": "remove", "path": "/goal/owner"},
	])
	not main.decision.allow with input as goal with data.org as example.ruled("/mandatory", ["all"])
}

waiver := {
	"rule": "POL-V001",
	"tenant": "acme",
	"args": {"supplier": "V1"},
	"owner": "cpo",
	"reason": "stock",
	"expires": "2026-12-31",
}

bare := object.remove(waiver, ["args"])

waived(part) := json.patch(denies_v1, [{"op": "add", "path": "/waivers", "value": [object.union(waiver, part)]}])

test_a_waiver_excuses_and_is_reported if {
	decision := main.decision with input as example.question with data.org as waived({})
	decision.allow
	some f in decision.waived
	f.id == "POL-V001"
	f.waiver == {"owner": "cpo", "reason": "stock", "expires": "2026-12-31"}
}

test_a_waiver_holds_on_its_last_day if {
	main.decision.allow with input as example.question with data.org as waived({"expires": "2026-11-28"})
}

test_a_waiver_fails_the_day_after if {
	decision := main.decision with input as example.question with data.org as waived({"expires": "2026-11-27"})
	example.ids(decision.deny) == {"POL-V001"}
	"POL-G002" in example.ids(decision.warn)
}

test_a_waiver_about_to_expire_is_told if {
	decision := main.decision with input as example.question with data.org as waived({"expires": "2026-12-01"})
	decision.allow
	"POL-G003" in example.ids(decision.warn)
}

test_a_waiver_without_reason_excuses_nothing if {
	decision := main.decision with input as example.question with data.org as waived({"reason": ""})
	not decision.allow
	"POL-G004" in example.ids(decision.warn)
}

test_a_waiver_of_another_is_none if {
	every part in [
		{"tenant": "other"},
		{"args": {"supplier": "V2"}},
		{"rule": "POL-V002"},
		{"path": ["limits"]},
		{"expires": "never"},
	] {
		not main.decision.allow with input as example.question with data.org as waived(part)
	}
}

test_without_today_no_waiver_counts if {
	not main.decision.allow with input as example.asked("/meta/now", "") with data.org as waived({})
}

test_a_waiver_of_a_rule_of_the_language_is_no_matter_of_policy if {
	rules := example.ruled("/waivers", [object.union(bare, {"rule": "DYO-X010", "expires": "2020-01-01"})])
	decision := main.decision with input as example.question with data.org as rules
	decision.warn == set()
}

test_governance_cannot_be_waived if {
	rules := example.ruled("/waivers", [object.union(bare, {"rule": "POL-G001"})])
	not main.decision.allow with input as example.asked("/goal/policies", ["vendor"]) with data.org as rules
}

test_each_relaxation_is_judged_on_its_own if {
	two := example.done("/relaxations", [
		{"key": "a", "rule": "service", "kind": "service", "from": 1, "to": 0.9, "hard": false, "path": ["limits", "service"]},
		{"key": "b", "rule": "service", "kind": "service", "from": 1, "to": 0.1, "hard": false, "path": ["limits", "service"]},
	])
	decision := main.decision with input as two with data.org as example.org
	{r.key: r.allowed | some r in decision.relax} == {"a": true, "b": false}
}

test_a_waived_cap_is_not_compiled if {
	rules := example.ruled("/waivers", [object.union(bare, {"rule": "POL-S001"})])
	decision := main.decision with input as example.question with data.org as rules
	decision.caps == set()
	decision.allow
}

test_facts_name_their_package if {
	decision := main.decision with input as example.question with data.org as denies_v1
	{concat(".", [f.package, f.name]) | some f in decision.facts} == {
		"fields.required",
		"spend.caps.acme",
		"tiers.free",
		"vendors.deny.V1",
	}
}

test_a_cap_is_compiled if {
	decision := main.decision with input as example.question with data.org as example.org
	{c.name: c.max | some c in decision.caps} == {"POL-S001": 5000}
}

test_the_cap_of_a_policy_that_is_not_selected_is_not_compiled if {
	rules := example.ruled("/mandatory", [])
	decision := main.decision with input as example.asked("/goal/policies", ["vendors"]) with data.org as rules
	decision.caps == set()
}
