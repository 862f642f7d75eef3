# METADATA
# title: Fields
# description: What a goal must say, and what it must not give away.
package dyocense.rules.fields

import data.dyocense.lib

required := lib.of_tenant(data.org.required, [])

empty(value) if value in {null, ""}

# METADATA
# title: A field that this tenant requires is missing
# custom:
#   id: POL-F001
#   severity: error
#   message: "required field {field} is missing"
#   remediation: Add the field; the policy data lists which are required.
deny contains f if {
	input.stage == "admit"
	some path in required
	is_object(input.goal)
	empty(object.get(input.goal, path, null))
	f := {"id": "POL-F001", "path": path, "args": {"field": path}}
}

# METADATA
# title: A value looks like a credential
# custom:
#   id: POL-F003
#   severity: warning
#   message: "this value looks like a credential"
#   remediation: Goals are stored and shown in evidence; put credentials in the environment.
warn contains f if {
	input.stage == "admit"
	walk(input.goal, [path, value])
	is_string(value)
	regex.match(`(?i)(api[_-]?key|secret|passw(or)?d|token)[ ]*[:=][ ]*[^ ]|^ey[A-Za-z0-9_-]{10,}[.]|^AKIA[A-Z0-9]{12,}|-----BEGIN`, value)
	f := {"id": "POL-F003", "path": path, "args": {}}
}

facts contains {"name": "required", "value": required} if count(required) > 0
