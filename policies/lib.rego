# METADATA
# title: What the packages share
# description: Tenant look-ups, places in files and the tolerance of comparisons. No rule lives here.
package dyocense.lib

# An entry may name its tenants; without them it concerns all.
concerns(entry) if not entry.tenants

concerns(entry) if input.meta.tenant in entry.tenants

# The tenant's own value, else the one under "*", else `otherwise`.
of_tenant(map, otherwise) := object.get(map, input.meta.tenant, object.get(map, "*", otherwise))

# Where the goal speaks of a supplier; its context line if it does not.
place(supplier) := object.get(input.mentions, supplier, ["context"])

# A double summed over many lines is right to 1e-6 of its size.
within(have, most) if {
	is_number(have)
	is_number(most)
	have <= most + (0.000001 * (1 + abs(most)))
}

text(object_, key) := object.get(object_, key, "?")
