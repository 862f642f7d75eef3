# METADATA
# title: The rules about rules
# description: Waivers and the question itself. Always on, whatever a goal selects; none of it can be waived.
package dyocense.governance

import data.dyocense.lib

is_date(text) if {
	is_string(text)
	regex.match(`^[0-9]{4}-[0-9]{2}-[0-9]{2}$`, text)
}

# Waivers of policy; those of the language's own rules are not asked about here.
concerned contains w if {
	some w in data.org.waivers
	startswith(w.rule, "POL-")
	w.tenant in {input.meta.tenant, "*"}
}

complete(w) if {
	w.owner != ""
	w.reason != ""
	is_date(w.expires)
}

# Waivers in force. ISO dates compare as text; without a date of today none is.
waivers contains w if {
	some w in concerned
	complete(w)
	is_date(input.meta.now)
	w.expires >= input.meta.now
	not startswith(w.rule, "POL-G")
}

# METADATA
# title: The question to policy is incomplete
# custom:
#   id: POL-G005
#   severity: error
#   message: "the question to policy is incomplete: {missing}"
#   remediation: Report this; a question that cannot be judged is refused.
deny contains f if {
	some part in unanswerable
	f := {"id": "POL-G005", "path": [], "args": {"missing": part}}
}

unanswerable contains "stage" if not has_stage

unanswerable contains "tenant" if not has_tenant

unanswerable contains "tier" if not has_tier

unanswerable contains "policies" if not has_policies

unanswerable contains "policies" if {
	some p in input.goal.policies
	not is_string(p)
}

unanswerable contains "suppliers" if not has_suppliers

unanswerable contains "currency" if not has_currency

unanswerable contains "spend" if {
	input.stage == "guard"
	not has_spend
}

# In a negated call an undefined argument makes the whole rule undefined, so what must hold has a name of its own.
has_stage if input.stage in {"admit", "guard"}

has_tenant if is_named(input.meta.tenant)

has_tier if is_named(input.meta.tier)

has_policies if is_array(input.goal.policies)

has_suppliers if is_array(input.world.suppliers)

has_currency if is_string(input.world.currency)

has_spend if is_number(input.plan.spend.total)

is_named(text) if {
	is_string(text)
	text != ""
}

# METADATA
# title: A waiver has expired
# custom:
#   id: POL-G002
#   severity: warning
#   message: "the waiver of {rule} by {owner} expired on {expires}"
#   remediation: Renew the waiver in the policy data, or obey the rule.
warn contains f if {
	some w in concerned
	complete(w)
	is_date(input.meta.now)
	w.expires < input.meta.now
	f := {"id": "POL-G002", "path": object.get(w, "path", []), "args": {"rule": w.rule, "owner": w.owner, "expires": w.expires}}
}

# METADATA
# title: A waiver expires within 14 days
# custom:
#   id: POL-G003
#   severity: warning
#   message: "the waiver of {rule} by {owner} expires on {expires}"
#   remediation: Renew it before that day, or obey the rule.
warn contains f if {
	some w in waivers
	is_date(input.meta.soon)
	w.expires < input.meta.soon
	f := {"id": "POL-G003", "path": object.get(w, "path", []), "args": {"rule": w.rule, "owner": w.owner, "expires": w.expires}}
}

# METADATA
# title: A waiver lacks owner, reason or date, and excuses nothing
# custom:
#   id: POL-G004
#   severity: warning
#   message: "the waiver of {rule} lacks an owner, a reason or a date, so it excuses nothing"
#   remediation: Give owner, reason and expires (YYYY-MM-DD) in the policy data.
warn contains f if {
	some w in concerned
	not complete(w)
	f := {"id": "POL-G004", "path": object.get(w, "path", []), "args": {"rule": lib.text(w, "rule")}}
}
