package dyocense.relax_test

import data.dyocense.example_test as example
import data.dyocense.relax

service := {"key": "s", "rule": "service", "kind": "service", "from": 0.95, "to": 0.9, "hard": false, "path": ["limits", "service"]}

budget := {"key": "b", "rule": "budget", "kind": "budget", "from": 4000, "to": 4500, "hard": false, "path": ["limits", "budget"]}

allowed(relaxation) if relax.allowed with input as example.done("/relaxation", relaxation) with data.org as example.org

told(relaxation) := ids if {
	ids := example.ids(relax.deny) with input as example.done("/relaxation", relaxation) with data.org as example.org
}

test_a_small_step_is_allowed if {
	allowed(service)
	told(service) == set()
}

test_a_large_step_is_not if {
	not allowed(object.union(service, {"to": 0.1}))
	told(object.union(service, {"to": 0.1})) == {"POL-R002"}
}

test_a_budget_up_to_the_cap_is_allowed if allowed(object.union(budget, {"to": 5000}))

test_a_budget_over_the_cap_is_not if {
	not allowed(object.union(budget, {"to": 5001}))
	told(object.union(budget, {"to": 5001})) == {"POL-R004"}
}

test_a_hard_rule_is_not_relaxed if {
	not allowed(object.union(service, {"hard": true}))
	told(object.union(service, {"hard": true})) == {"POL-R001"}
}

test_what_no_policy_covers_is_not_relaxed if {
	rules := example.ruled("/relax", {"free": {"budget": {"max_fraction": 1}}})
	not relax.allowed with input as example.done("/relaxation", service) with data.org as rules
	deny := relax.deny with input as example.done("/relaxation", service) with data.org as rules
	example.ids(deny) == {"POL-R003"}
}

test_a_missing_part_gives_no if {
	every path in ["/from", "/to", "/kind", "/hard"] {
		not allowed(example.without(service, path))
		not allowed(example.without(budget, path))
	}
	not relax.allowed with input as {} with data.org as example.org
}

test_a_step_from_zero_gives_no if not allowed(object.union(service, {"from": 0, "to": 1}))

test_a_path_that_is_no_list_is_told_at_the_top if {
	some f in relax.deny with input as example.done("/relaxation", object.union(service, {"hard": true, "path": "x"})) with data.org as example.org
	f.path == []
}
