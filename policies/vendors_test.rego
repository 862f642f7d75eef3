package dyocense.vendors_test

import data.dyocense.example_test as example
import data.dyocense.rules.vendors

denied := example.ruled("/vendors/deny", [{"supplier": "V1", "reason": "recall", "owner": "quality"}])

test_a_denied_supplier_is_told_with_reason_and_owner if {
	some f in vendors.deny with input as example.question with data.org as denied
	f == {
		"id": "POL-V001",
		"path": ["context"],
		"args": {"supplier": "V1", "reason": "recall", "owner": "quality"},
	}
}

test_the_place_is_where_the_goal_names_it if {
	goal := example.asked("/mentions", {"V1": ["constraints", "keep", "expression"]})
	some f in vendors.deny with input as goal with data.org as denied
	f.path == ["constraints", "keep", "expression"]
}

test_mentions_that_are_no_map_give_the_context_line if {
	some f in vendors.deny with input as example.asked("/mentions", 3) with data.org as denied
	f.path == ["context"]
}

test_a_mention_that_is_no_path_gives_the_context_line if {
	some f in vendors.deny with input as example.asked("/mentions", {"V1": "here"}) with data.org as denied
	f.path == ["context"]
}

test_a_denial_of_another_tenant_is_not_ours if {
	other := example.ruled("/vendors/deny", [{"supplier": "V1", "reason": "recall", "tenants": ["other"]}])
	vendors.deny == set() with input as example.question with data.org as other
}

test_a_denial_of_ours_is_ours if {
	ours := example.ruled("/vendors/deny", [{"supplier": "V1", "tenants": ["acme"]}])
	example.ids(vendors.deny) == {"POL-V001"} with input as example.question with data.org as ours
}

test_a_plan_that_orders_from_a_denied_supplier_is_told if {
	example.ids(vendors.deny) == {"POL-V001"} with input as example.finished with data.org as denied
}

test_only_approved_suppliers_where_there_is_a_list if {
	approved := example.ruled("/vendors/allow", {"acme": ["V1"]})
	deny := vendors.deny with input as example.question with data.org as approved
	{f.args.supplier | some f in deny} == {"V2"}
	example.ids(deny) == {"POL-V002"}
}

test_a_list_for_all_counts_for_a_tenant_without_one if {
	approved := example.ruled("/vendors/allow", {"*": ["V2"]})
	deny := vendors.deny with input as example.question with data.org as approved
	{f.args.supplier | some f in deny} == {"V1"}
}

test_a_denied_region_is_told if {
	region := example.ruled("/vendors/deny_regions", [{"region": "local", "reason": "strike"}])
	example.ids(vendors.deny) == {"POL-V003"} with input as example.question with data.org as region
}

test_a_single_source_is_a_warning if {
	goal := example.asked("/world/suppliers", [{"id": "V1", "offers": 2, "region": ""}])
	example.ids(vendors.warn) == {"POL-V010"} with input as goal with data.org as example.org
}

test_facts_are_what_was_read if {
	facts := vendors.facts with input as example.question with data.org as denied
	{f.name | some f in facts} == {"deny.V1"}
	listed := vendors.facts with input as example.question with data.org as example.ruled("/vendors/allow", {"acme": ["V1"]})
	{f.name | some f in listed} == {"allow"}
	region := example.ruled("/vendors/deny_regions", [{"region": "local", "reason": "strike"}])
	regions := vendors.facts with input as example.question with data.org as region
	{f.name | some f in regions} == {"deny_regions.local"}
}
