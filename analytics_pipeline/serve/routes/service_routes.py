"""Whether the process serves, and what its problem types mean."""

from typing import Annotated

from fastapi import APIRouter, Path, Response

from analytics_pipeline.serve import documents
from analytics_pipeline.serve.answers import CURRENT, UNKEPT, json_answer
from analytics_pipeline.serve.openapi import answers
from analytics_pipeline.serve.problems import KINDS
from analytics_pipeline.serve.routes.common import NO_PARAMETERS
from analytics_pipeline.serve.service import ReadService
from analytics_pipeline.web.problem import INVALID, NOT_FOUND, PROBLEM_TYPE_PATH, Problem

_PROBLEM_TYPE = answers(documents.ProblemType, INVALID, NOT_FOUND)


def router(service: ReadService) -> APIRouter:
    """The routes of this file."""
    routes = APIRouter(dependencies=NO_PARAMETERS)

    @routes.get("/healthz", responses=answers(documents.Health))
    def healthz() -> Response:
        """Whether the process serves, and how many days it knows."""
        return json_answer(documents.Health("ok", len(service.content.days)), UNKEPT)

    @routes.get(PROBLEM_TYPE_PATH + "{name}", responses=_PROBLEM_TYPE)
    def problem_type(name: Annotated[str, Path(pattern=r"^[a-z-]{1,40}$")]) -> Response:
        """What a problem type means, and what to do about it."""
        if name not in KINDS:
            raise Problem(NOT_FOUND, "no such problem type")
        kind = KINDS[name]
        return json_answer(documents.ProblemType(kind.title, kind.status, kind.advice), CURRENT)

    return routes
