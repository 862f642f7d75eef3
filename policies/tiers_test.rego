package dyocense.tiers_test

import data.dyocense.example_test as example
import data.dyocense.rules.tiers

told(goal) := ids if {
	ids := example.ids(tiers.deny) with input as goal with data.org as example.org
}

test_within_the_tier if told(example.question) == set()

test_too_many_scenarios if told(example.asked("/goal/forecast/num_scenarios", 21)) == {"POL-T001"}

test_reduction_counts if told(example.asked("/goal/forecast", {"num_scenarios": 500, "reduce": {"to": 20}})) == set()

test_no_number_of_scenarios_is_not_waved_through if told(example.without(example.question, "/goal/forecast")) == {"POL-T001"}

test_a_long_solve if told(example.asked("/goal/solver/time_limit_s", 16)) == {"POL-T002"}

test_no_time_limit_is_not_waved_through if told(example.without(example.question, "/goal/solver")) == {"POL-T002"}

test_an_unknown_tier if told(example.asked("/meta/tier", "platinum")) == {"POL-T003"}

test_a_large_model if told(example.asked("/world/cells", 1001)) == {"POL-T004"}

test_no_size_is_not_waved_through if told(example.without(example.question, "/world/cells")) == {"POL-T004"}

test_an_exempt_tenant_has_no_tier if {
	goal := json.patch(example.question, [
		{"op": "add", "path": "/meta/tenant", "value": "local"},
		{"op": "add", "path": "/meta/tier", "value": "platinum"},
		{"op": "add", "path": "/goal/forecast/num_scenarios", "value": 9999},
	])
	told(goal) == set()
}

test_a_finished_plan_is_not_asked_again if told(object.union(example.finished, {"world": {"cells": 9999999}})) == set()

test_facts_are_what_was_read if {
	some f in tiers.facts with input as example.question with data.org as example.org
	f.name == "free"
}
