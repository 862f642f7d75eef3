# METADATA
# title: Vendors
# description: Who may be bought from. A denial is also compiled into the model, so that a plan obeys it.
package dyocense.rules.vendors

import data.dyocense.lib

# Suppliers that are offered to the goal, or, afterwards, ordered from.
suppliers contains s if {
	input.stage == "admit"
	some s in input.world.suppliers
}

suppliers contains s if {
	input.stage == "guard"
	some s in input.plan.suppliers
}

# METADATA
# title: Supplier is on the deny list
# custom:
#   id: POL-V001
#   severity: error
#   effect: supplier
#   message: "supplier {supplier} is denied: {reason}"
#   remediation: Buy from another supplier, or ask the policy's owner ({owner}) for a waiver.
deny contains f if {
	some s in suppliers
	some entry in data.org.vendors.deny
	entry.supplier == s.id
	lib.concerns(entry)
	f := {
		"id": "POL-V001",
		"path": lib.place(s.id),
		"args": {
			"supplier": s.id,
			"reason": object.get(entry, "reason", "no reason given"),
			"owner": object.get(entry, "owner", "unknown"),
		},
	}
}

approved := {v | some v in lib.of_tenant(data.org.vendors.allow, [])}

has_approved_list if count(lib.of_tenant(data.org.vendors.allow, [])) > 0

# METADATA
# title: Supplier is not on the approved list
# custom:
#   id: POL-V002
#   severity: error
#   effect: supplier
#   message: "supplier {supplier} is not on the approved list of tenant {tenant}"
#   remediation: Use an approved supplier, or have this one approved first.
deny contains f if {
	has_approved_list
	some s in suppliers
	not s.id in approved
	f := {
		"id": "POL-V002",
		"path": lib.place(s.id),
		"args": {"supplier": s.id, "tenant": input.meta.tenant},
	}
}

# METADATA
# title: Supplier's region is denied
# custom:
#   id: POL-V003
#   severity: error
#   effect: supplier
#   message: "supplier {supplier} is in region {region}, which is denied: {reason}"
#   remediation: Buy from a supplier of another region, or ask the policy's owner for a waiver.
deny contains f if {
	some s in suppliers
	some entry in data.org.vendors.deny_regions
	entry.region == s.region
	lib.concerns(entry)
	f := {
		"id": "POL-V003",
		"path": lib.place(s.id),
		"args": {"supplier": s.id, "region": s.region, "reason": object.get(entry, "reason", "no reason given")},
	}
}

# METADATA
# title: One supplier carries the whole goal
# custom:
#   id: POL-V010
#   severity: warning
#   message: "all {skus} SKUs depend on supplier {supplier} alone"
#   remediation: Add a second source to the context.
warn contains f if {
	input.stage == "admit"
	is_array(input.world.suppliers)
	count(input.world.suppliers) == 1
	input.world.skus > 1
	some s in input.world.suppliers
	f := {"id": "POL-V010", "path": ["context"], "args": {"skus": input.world.skus, "supplier": s.id}}
}

facts contains {"name": concat("", ["deny.", entry.supplier]), "value": entry} if {
	some s in suppliers
	some entry in data.org.vendors.deny
	entry.supplier == s.id
}

facts contains {"name": "allow", "value": approved} if has_approved_list

facts contains {"name": concat("", ["deny_regions.", entry.region]), "value": entry} if {
	some s in suppliers
	some entry in data.org.vendors.deny_regions
	entry.region == s.region
}
