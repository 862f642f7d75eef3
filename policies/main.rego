# METADATA
# title: Policy decision
# description: >-
#   Collects every finding of data.dyocense.rules.*; the host reads this one document and takes nothing else for an answer.
package dyocense.main

decision := {
	"allow": count(denials) == 0,
	"deny": denials,
	"warn": warnings,
	"waived": waived,
	"caps": caps,
	"facts": facts,
	"relax": relax,
	"packages": known,
}

# A package that yields no value at all is missing here, and the host then has no verdict.
known := object.keys(data.dyocense.rules)

wanted := {p | some p in input.goal.policies} | {p | some p in data.org.mandatory}

selected := known if "all" in wanted

selected := known & wanted if not "all" in wanted

found contains f if {
	some pkg in selected
	some f in data.dyocense.rules[pkg].deny
}

found contains f if some f in data.dyocense.governance.deny

# The name of a policy that does not exist is a mistake, not a wish for no policy.

# METADATA
# title: The goal selects a policy that does not exist
# custom:
#   id: POL-G001
#   severity: error
#   message: "there is no policy {name}; known: {known}"
#   remediation: Name a package of policies/, or write all.
found contains f if {
	some i, p in input.goal.policies
	p != "all"
	not p in known
	f := {"id": "POL-G001", "path": ["policies", i], "args": {"name": p, "known": known}}
}

denials contains f if {
	some f in found
	not excused(f)
}

waived contains object.union(f, {"waiver": {"owner": w.owner, "reason": w.reason, "expires": w.expires}}) if {
	some f in found
	some w in data.dyocense.governance.waivers
	covers(w, f)
}

warnings contains f if {
	some pkg in selected
	some f in data.dyocense.rules[pkg].warn
}

warnings contains f if some f in data.dyocense.governance.warn

# Caps that the compiler turns into limits.
caps contains c if {
	some pkg in selected
	some c in data.dyocense.rules[pkg].caps
	not excused({"id": c.rule, "path": ["limits", "budget"], "args": c})
}

facts contains {"package": pkg, "name": f.name, "value": f.value} if {
	some pkg in selected
	some f in data.dyocense.rules[pkg].facts
}

# Each suggested relaxation is asked about on its own; what is not allowed in so many words is not allowed.
relax contains {"key": r.key, "allowed": allowed, "deny": reasons} if {
	some r in input.relaxations
	allowed := data.dyocense.relax.allowed with input.relaxation as r
	reasons := data.dyocense.relax.deny with input.relaxation as r
}

excused(f) if {
	some w in data.dyocense.governance.waivers
	covers(w, f)
}

# A waiver names the rule, may narrow it by a path and by arguments, and lives in data, never in the goal that it excuses.
covers(w, f) if {
	w.rule == f.id
	prefix := object.get(w, "path", [])
	is_array(f.path)
	array.slice(f.path, 0, count(prefix)) == prefix
	every name, value in object.get(w, "args", {}) {
		f.args[name] == value
	}
}
