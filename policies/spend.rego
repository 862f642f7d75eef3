# METADATA
# title: Spend
# description: >-
#   What may be spent, in all, per period, per category and per supplier. A cap is also compiled into the model as a limit, and its
#   price is reported under the rule's id.
package dyocense.rules.spend

import data.dyocense.lib

entries := lib.of_tenant(data.org.spend.caps, [])

# 1 of `currency` in the plan's currency; undefined where the context has no rate.
rate(currency) := 1 if currency == input.world.currency

rate(currency) := value if {
	currency != input.world.currency
	value := input.world.rates[currency]
	is_number(value)
	value > 0
}

period(entry) := object.get(entry, "over", "horizon")

# Rule and name of a cap, by what it bounds.
scope(entry) := ["POL-S004", entry.supplier] if entry.supplier

scope(entry) := ["POL-S003", entry.category] if {
	entry.category
	not entry.supplier
}

scope(entry) := ["POL-S002"] if {
	not entry.category
	not entry.supplier
	period(entry) == "period"
}

scope(entry) := ["POL-S001"] if {
	not entry.category
	not entry.supplier
	period(entry) == "horizon"
}

suffix(entry, parts) := array.concat(parts, ["period"]) if {
	count(parts) == 2
	period(entry) == "period"
}

suffix(entry, parts) := parts if period(entry) == "horizon"

suffix(_, parts) := parts if count(parts) == 1

caps contains c if {
	some entry in entries
	parts := scope(entry)
	c := {
		"rule": parts[0],
		"name": concat(":", suffix(entry, parts)),
		"max": lib.product(entry.max, rate(entry.currency)),
		"over": period(entry),
		"category": object.get(entry, "category", null),
		"supplier": object.get(entry, "supplier", null),
		"currency": input.world.currency,
	}
}

budget := input.goal.limits.budget

has_budget if is_number(budget.max.value)

unit := input.world.currency if lib.get(budget.max, "unit", null) == null

unit := budget.max.unit if lib.get(budget.max, "unit", null) != null

stated := lib.product(budget.max.value, rate(unit))

# The budget as told: in the plan's currency where the context has a rate.
shown := stated

shown := budget.max.value if not stated

# The most that the goal's own budget lets it spend over the horizon, and in one period.
most["horizon"] := stated if lib.get(budget, "over", "horizon") == "horizon"

most["horizon"] := lib.product(stated, input.goal.horizon.periods) if budget.over == "period"

most["period"] := stated

# METADATA
# title: More than the cap may be spent
# custom:
#   id: POL-S001
#   severity: error
#   effect: cap
#   message: "{what} is {have} {currency}, over the spend cap of {cap} {currency}"
#   remediation: Lower limits.budget.max to the cap, or request a higher one.
deny contains f if {
	input.stage == "admit"
	some c in caps
	c.rule == "POL-S001"
	has_budget
	not budget_within(c)
	f := {"id": "POL-S001", "path": ["limits", "budget", "max"], "args": over("the budget", shown, c)}
}

deny contains f if {
	input.stage == "guard"
	some c in caps
	c.rule == "POL-S001"
	not total_within(c)
	f := {"id": "POL-S001", "path": ["limits", "budget"], "args": over("the plan's spend", lib.text(lib.get(input.plan, "spend", {}), "total"), c)}
}

# METADATA
# title: More than the cap may be spent in a period
# custom:
#   id: POL-S002
#   severity: error
#   effect: cap
#   message: "{what} is {have} {currency}, over the cap of {cap} {currency} per period"
#   remediation: Lower limits.budget.max, or give it over each period within the cap.
deny contains f if {
	input.stage == "admit"
	some c in caps
	c.rule == "POL-S002"
	has_budget
	not period_within(c)
	f := {"id": "POL-S002", "path": ["limits", "budget", "max"], "args": over("the budget", shown, c)}
}

deny contains f if {
	input.stage == "guard"
	some c in caps
	c.rule == "POL-S002"
	some period_, have in input.plan.spend.by_period
	not lib.within(have, c.max)
	f := {"id": "POL-S002", "path": ["limits", "budget"], "args": over(lib.words(["the spend of", period_]), have, c)}
}

# METADATA
# title: A category costs more than its cap
# custom:
#   id: POL-S003
#   severity: error
#   effect: cap
#   message: "{what} is {have} {currency}, over the cap of {cap} {currency}"
#   remediation: Compile the cap into the model (the default), or request a higher one for the category.
deny contains f if {
	input.stage == "guard"
	some c in caps
	c.rule == "POL-S003"
	some what, have in spends("category", c.category, c.over)
	not lib.within(have, c.max)
	f := {"id": "POL-S003", "path": ["limits", "budget"], "args": over(what, have, c)}
}

# METADATA
# title: A supplier gets more than its cap
# custom:
#   id: POL-S004
#   severity: error
#   effect: cap
#   message: "{what} is {have} {currency}, over the cap of {cap} {currency}"
#   remediation: Compile the cap into the model (the default), or request a higher one for the supplier.
deny contains f if {
	input.stage == "guard"
	some c in caps
	c.rule == "POL-S004"
	some what, have in spends("supplier", c.supplier, c.over)
	not lib.within(have, c.max)
	f := {"id": "POL-S004", "path": lib.place(c.supplier), "args": over(what, have, c)}
}

# METADATA
# title: The goal states no budget, and a cap applies
# custom:
#   id: POL-S005
#   severity: error
#   effect: cap
#   message: "the goal states no budget, and {cap} {currency} may be spent"
#   remediation: Add limits.budget.max at or below the cap.
deny contains f if {
	input.stage == "admit"
	some c in caps
	c.rule in {"POL-S001", "POL-S002"}
	not has_budget
	f := {"id": "POL-S005", "path": ["limits"], "args": {"cap": c.max, "currency": c.currency, "cap_name": c.name}}
}

# METADATA
# title: A cap or budget is in a currency without a rate
# custom:
#   id: POL-S006
#   severity: error
#   message: "{what} is in {have}, the context counts in {want}, and it gives no rate"
#   remediation: Add the rate with its date to the context, or state the amount in its currency.
deny contains f if {
	some entry in entries
	not rate(entry.currency)
	f := {
		"id": "POL-S006",
		"path": ["limits", "budget"],
		"args": {"what": "a spend cap", "have": lib.text(entry, "currency"), "want": input.world.currency},
	}
}

deny contains f if {
	count(entries) > 0
	has_budget
	not rate(unit)
	f := {
		"id": "POL-S006",
		"path": ["limits", "budget", "max"],
		"args": {"what": "the budget", "have": unit, "want": input.world.currency},
	}
}

# METADATA
# title: No spend cap is known for this tenant
# custom:
#   id: POL-S007
#   severity: error
#   message: "no spend cap is set for tenant {tenant}, and one is required"
#   remediation: Add spend.caps for the tenant to the policy data; an unknown tenant is refused, not waved through.
deny contains f if {
	data.org.spend.require_cap
	count(entries) == 0
	f := {"id": "POL-S007", "path": ["limits"], "args": {"tenant": input.meta.tenant}}
}

# In a negated call an undefined argument makes the whole rule undefined, so what must hold has a name of its own.
budget_within(c) if lib.within(most.horizon, c.max)

period_within(c) if lib.within(most.period, c.max)

total_within(c) if lib.within(input.plan.spend.total, c.max)

over(what, have, c) := {"what": what, "have": have, "cap": c.max, "currency": c.currency, "cap_name": c.name}

# Spend of one category or supplier by what it is called: over the horizon, or in each period.
spends(kind, name, "horizon") := {label: have} if {
	label := lib.words(["the spend on", kind, name])
	have := lib.get(lib.get(input.plan.spend, concat("", ["by_", kind]), {}), name, 0)
}

spends(kind, name, "period") := {label: have |
	some period_, parts in lib.get(input.plan.spend, concat("", ["by_period_", kind]), {})
	have := lib.get(parts, name, 0)
	label := lib.words(["the spend on", kind, name, "in", period_])
}

facts contains {"name": concat("", ["caps.", input.meta.tenant]), "value": entries} if {
	is_string(input.meta.tenant)
	count(entries) > 0
}
