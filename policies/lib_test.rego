package dyocense.lib_test

import data.dyocense.lib

test_a_tenant_that_is_not_text_has_no_entry if {
	lib.of_tenant({"*": 1}, 2) == 2 with input as {"meta": {"tenant": ["a"]}}
}

test_a_tenant_has_its_own_entry_then_the_one_for_all if {
	lib.of_tenant({"*": 1, "a": 3}, 2) == 3 with input as {"meta": {"tenant": "a"}}
	lib.of_tenant({"*": 1, "a": 3}, 2) == 1 with input as {"meta": {"tenant": "b"}}
	lib.of_tenant({"a": 3}, 2) == 2 with input as {"meta": {"tenant": "b"}}
}

test_what_is_no_map_has_no_keys if {
	lib.get([1], "a", 2) == 2
	lib.get({"a": 1}, ["a"], 2) == 2
	lib.get({"a": 1}, "a", 2) == 1
}

test_within_is_for_numbers if {
	lib.within(1, 1)
	lib.within(1.0000001, 1)
	not lib.within(1.1, 1)
	not lib.within("0", 1)
	not lib.within(null, 1)
}
