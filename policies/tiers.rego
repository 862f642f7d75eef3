# METADATA
# title: Tiers
# description: How large a run a tier may ask for. Tenants listed in exempt_tenants pay with their own machine and have no tier.
package dyocense.rules.tiers

import data.dyocense.lib

limits := data.org.tiers[input.meta.tier]

exempt if input.meta.tenant in data.org.exempt_tenants

default reduced := false

reduced if input.goal.forecast.reduce.to

scenarios := input.goal.forecast.reduce.to if reduced

scenarios := input.goal.forecast.num_scenarios if not reduced

# METADATA
# title: More scenarios than the tier allows
# custom:
#   id: POL-T001
#   severity: error
#   message: "{have} scenarios, and tier {tier} allows {max}"
#   remediation: Lower forecast.num_scenarios, turn on forecast.reduce, or move to a higher tier.
deny contains f if {
	asked
	not few_scenarios
	f := {
		"id": "POL-T001",
		"path": ["forecast", "num_scenarios"],
		"args": {"have": lib.text(lib.get(input.goal, "forecast", {}), "num_scenarios"), "max": limits.scenarios, "tier": input.meta.tier},
	}
}

# METADATA
# title: A longer solve than the tier allows
# custom:
#   id: POL-T002
#   severity: error
#   message: "a time limit of {have} s, and tier {tier} allows {max} s"
#   remediation: Lower solver.time_limit, or move to a higher tier.
deny contains f if {
	asked
	not short_solve
	f := {
		"id": "POL-T002",
		"path": ["solver", "time_limit"],
		"args": {
			"have": lib.text(lib.get(input.goal, "solver", {}), "time_limit_s"),
			"max": limits.time_limit_s,
			"tier": input.meta.tier,
		},
	}
}

# METADATA
# title: Unknown tier
# custom:
#   id: POL-T003
#   severity: error
#   message: "tier {tier} is unknown; known: {tiers}"
#   remediation: Use one of the tiers in the policy data.
deny contains f if {
	not exempt
	not limits
	f := {"id": "POL-T003", "path": [], "args": {"tier": input.meta.tier, "tiers": object.keys(data.org.tiers)}}
}

# METADATA
# title: The model is too large for the tier
# custom:
#   id: POL-T004
#   severity: error
#   message: "{have} offers times periods, and tier {tier} allows {max}"
#   remediation: Fewer SKUs, suppliers or periods, or a higher tier.
deny contains f if {
	asked
	not small_model
	f := {
		"id": "POL-T004",
		"path": ["horizon", "periods"],
		"args": {"have": lib.text(input.world, "cells"), "max": limits.cells, "tier": input.meta.tier},
	}
}

# In a negated call an undefined argument makes the whole rule undefined, so what must hold has a name of its own.
few_scenarios if lib.within(scenarios, limits.scenarios)

short_solve if lib.within(input.goal.solver.time_limit_s, limits.time_limit_s)

small_model if lib.within(input.world.cells, limits.cells)

asked if {
	input.stage == "admit"
	not exempt
	limits
}

facts contains {"name": input.meta.tier, "value": limits} if asked
