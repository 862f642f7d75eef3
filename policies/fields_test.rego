package dyocense.fields_test

import data.dyocense.example_test as example
import data.dyocense.rules.fields

test_a_required_field_that_is_there if fields.deny == set() with input as example.question with data.org as example.org

test_a_required_field_that_is_missing_or_empty if {
	every goal in [example.without(example.question, "/goal/owner"), example.asked("/goal/owner", ""), example.asked("/goal/owner", null)] {
		some f in fields.deny with input as goal with data.org as example.org
		f == {"id": "POL-F001", "path": ["owner"], "args": {"field": ["owner"]}}
	}
}

test_what_looks_like_a_credential_is_told if {
	every text in ["api_key=abc", "Password: hunter2", "token = x", "eyJhbGciOiJIUzI1.x", "AKIAABCDEFGHIJKL", "-----BEGIN KEY"] {
		some f in fields.warn with input as example.asked("/goal/title", text) with data.org as example.org
		f == {"id": "POL-F003", "path": ["title"], "args": {}}
	}
}

test_plain_words_are_not_credentials if {
	every text in ["the secret of good bread", "passwords", "token", "eye of the storm"] {
		fields.warn == set() with input as example.asked("/goal/title", text) with data.org as example.org
	}
}

test_facts_are_what_was_read if {
	some f in fields.facts with input as example.question with data.org as example.org
	f.value == [["owner"]]
}
