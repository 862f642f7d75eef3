def optimodel_json(m, *, source, versions):
    return {"ir": "optimodel/v1"}, {}
