"""The OpenAPI document, with problem documents under their own media type."""

from __future__ import annotations

from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

__all__ = ["install_document"]

_PROBLEM: Final = "application/problem+json"


def install_document(app: FastAPI) -> None:
    """Make the application describe its problems as ``application/problem+json`` only; the document is made once."""

    def document() -> dict[str, Any]:
        if not app.openapi_schema:
            made = get_openapi(title=app.title, version=app.version, routes=app.routes)
            for methods in made["paths"].values():
                for operation in methods.values():
                    for answer in operation["responses"].values():
                        _tidy(answer.get("content", {}))
            app.openapi_schema = made
        return app.openapi_schema

    app.openapi = document  # type: ignore[method-assign]  # the framework's own way


def _tidy(content: dict[str, Any]) -> None:
    schema = content.get("application/json", {}).get("schema", {})
    if _PROBLEM in content or schema.get("$ref", "").endswith("/HTTPValidationError"):
        content.pop("application/json", None)
        content[_PROBLEM] = {"schema": {"$ref": "#/components/schemas/Problem"}}
