"""The OpenAPI document, with problem documents under their own media type, and links from answers to what may be asked next."""

from __future__ import annotations

from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

__all__ = ["install_document"]

_PROBLEM: Final = "application/problem+json"
_RUN: Final = {"run_id": "$response.body#/run_id"}
#: Where an answer leads: (operation, status) to the operations that take what it names.
_LINKS: Final[dict[tuple[str, str], dict[str, dict[str, str]]]] = {
    **{
        (name, "202"): {"getRun": _RUN, "runEvents": _RUN, "cancelRun": _RUN}
        for name in ("createPlan", "forecastScenarios", "optiguideCompile", "optimizerSolve")
    },
    ("getRun", "200"): {
        "getRun": _RUN,
        "cancelRun": _RUN,
        "runEvents": _RUN,
        "runArtifact": {**_RUN, "name": "$response.body#/artifacts/0"},
        "runEvidence": {**_RUN, "line": "$response.body#/result/steps/0/line"},
    },
    ("cancelRun", "202"): {"getRun": _RUN, "runEvents": _RUN},
    ("listGoals", "200"): {"createPlan": {}},
    ("listRuns", "200"): {"getRun": {"run_id": "$response.body#/runs/0/run_id"}, "listRuns": {"before": "$response.body#/next"}},
    ("createWebhook", "201"): {name: {"webhook_id": "$response.body#/webhook_id"} for name in ("rotateWebhookSecret", "deleteWebhook")},
    ("listWebhooks", "200"): {"deleteWebhook": {"webhook_id": "$response.body#/webhooks/0/webhook_id"}},
}


def install_document(app: FastAPI) -> None:
    """Make the application describe its problems as ``application/problem+json`` only; the document is made once."""

    def document() -> dict[str, Any]:
        if not app.openapi_schema:
            made = get_openapi(title=app.title, version=app.version, routes=app.routes)
            for methods in made["paths"].values():
                for operation in methods.values():
                    for status, answer in operation["responses"].items():
                        _tidy(answer.get("content", {}))
                        _link(operation["operationId"], status, answer)
            app.openapi_schema = made
        return app.openapi_schema

    app.openapi = document  # type: ignore[method-assign]  # the framework's own way


def _link(name: str, status: str, answer: dict[str, Any]) -> None:
    found = _LINKS.get((name, status), {})
    if found:
        answer["links"] = {target: {"operationId": target, "parameters": dict(values)} for target, values in found.items()}
        if name == "listGoals":
            answer["links"]["createPlan"]["requestBody"] = {"goal_id": "$response.body#/goals/0/goal_id"}


def _tidy(content: dict[str, Any]) -> None:
    schema = content.get("application/json", {}).get("schema", {})
    if _PROBLEM in content or schema.get("$ref", "").endswith("/HTTPValidationError"):
        content.pop("application/json", None)
        content[_PROBLEM] = {"schema": {"$ref": "#/components/schemas/Problem"}}
