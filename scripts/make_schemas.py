"""Write dyocense_cli/models/schemas/*.schema.json from the schema descriptions; run after a field is added."""

from __future__ import annotations

from pathlib import Path

from dyocense_cli.kernel.goaldsl.published import SCHEMAS, schema_text

if __name__ == "__main__":
    folder = Path(__file__).parent.parent / "dyocense_cli" / "models" / "schemas"
    for kind in SCHEMAS:
        (folder / f"{kind}.schema.json").write_text(schema_text(kind), "utf-8")
        print(folder / f"{kind}.schema.json")
