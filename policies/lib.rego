# METADATA
# title: What the packages share
# description: Tenant look-ups, places in files and the tolerance of comparisons. No rule lives here.
package dyocense.lib

# An entry may name its tenants; without them it concerns all.
concerns(entry) if not entry.tenants

concerns(entry) if input.meta.tenant in entry.tenants

# The tenant's own value, else the one under "*", else `otherwise`. A tenant that is not text is refused by POL-G005.
of_tenant(map, otherwise) := object.get(map, input.meta.tenant, object.get(map, "*", otherwise)) if is_string(input.meta.tenant)

of_tenant(_, otherwise) := otherwise if not is_string(input.meta.tenant)

# Where the goal speaks of a supplier; its context line if it does not.
place(supplier) := path_or(get(input.mentions, supplier, null), ["context"]) if is_object(input.mentions)

place(_) := ["context"] if not is_object(input.mentions)

path_or(path, _) := path if is_array(path)

path_or(path, otherwise) := otherwise if not is_array(path)

# A builtin that is given a value of another type fails in one engine and is undefined in the other, so types are asked for first.
get(map, key, otherwise) := object.get(map, key, otherwise) if {
	is_object(map)
	is_string(key)
}

get(map, key, otherwise) := otherwise if not is_gettable(map, key)

is_gettable(map, key) if {
	is_object(map)
	is_string(key)
}

product(a, b) := a * b if {
	is_number(a)
	is_number(b)
}

words(parts) := concat(" ", [text | some part in parts; text := word(part)])

word(part) := part if is_string(part)

word(part) := "?" if not is_string(part)

# A double summed over many lines is right to 1e-6 of its size.
within(have, most) if {
	is_number(have)
	is_number(most)
	have <= most + (0.000001 * (1 + abs(most)))
}

text(map, key) := get(map, key, "?")
