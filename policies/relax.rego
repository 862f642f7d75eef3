# METADATA
# title: May a suggested relaxation be applied?
# description: >-
#   Asked once per suggestion. Everything is stated as what must hold, so a missing or odd value (no `from`, no limit) gives no, never
#   yes.
package dyocense.relax

import data.dyocense.lib

default allowed := false

allowed if {
	within_limit
	within_cap
	count(deny) == 0
}

kind := input.relaxation.kind

of_tier := lib.get(data.org.relax, input.meta.tier, lib.get(data.org.relax, "*", {}))

limit := lib.get(of_tier, kind, lib.get(of_tier, "*", null))

within_limit if {
	is_number(input.relaxation.from)
	is_number(input.relaxation.to)
	lib.within(abs(input.relaxation.to - input.relaxation.from), limit.max_fraction * abs(input.relaxation.from))
}

# Only a looser budget can break the total cap; any other rule leaves the compiled cap in the model.
within_cap if {
	is_string(kind)
	kind != "budget"
}

within_cap if {
	kind == "budget"
	every c in totals {
		lib.within(input.relaxation.to, c.max)
	}
}

totals contains c if {
	some c in data.dyocense.rules.spend.caps
	c.rule == "POL-S001"
}

# METADATA
# title: This rule may never be relaxed
# custom:
#   id: POL-R001
#   severity: error
#   message: "{rule} may not be relaxed"
#   remediation: Change the goal by hand; a hard rule or a policy is not for the solver to loosen.
deny contains f if {
	not input.relaxation.hard == false
	f := {"id": "POL-R001", "path": path, "args": {"rule": lib.text(input.relaxation, "rule")}}
}

# METADATA
# title: The relaxation is larger than the tier allows
# custom:
#   id: POL-R002
#   severity: error
#   message: "{rule} would move from {from} to {to}; tier {tier} allows a change by {max} of it"
#   remediation: Accept a smaller relaxation, or have it approved.
deny contains f if {
	limit != null
	not within_limit
	f := {
		"id": "POL-R002",
		"path": path,
		"args": {
			"rule": lib.text(input.relaxation, "rule"),
			"from": lib.text(input.relaxation, "from"),
			"to": lib.text(input.relaxation, "to"),
			"max": limit.max_fraction,
			"tier": input.meta.tier,
		},
	}
}

# METADATA
# title: No policy covers this kind of relaxation
# custom:
#   id: POL-R003
#   severity: error
#   message: "no policy covers relaxing {kind} in tier {tier}"
#   remediation: Add the kind under relax in the policy data.
deny contains f if {
	limit == null
	f := {"id": "POL-R003", "path": path, "args": {"kind": lib.text(input.relaxation, "kind"), "tier": input.meta.tier}}
}

# METADATA
# title: The relaxed budget would break the spend cap
# custom:
#   id: POL-R004
#   severity: error
#   message: "a budget of {to} is over the spend cap"
#   remediation: Relax something that does not cost money, or request a higher cap.
deny contains f if {
	kind == "budget"
	not within_cap
	f := {"id": "POL-R004", "path": path, "args": {"to": lib.text(input.relaxation, "to")}}
}

path := lib.path_or(lib.get(input.relaxation, "path", null), [])
