"""Rules of the language that look beyond one field: crossings, feasibility, objective, housekeeping."""
