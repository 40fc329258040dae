"""What `/openapi.json` says is what the API does: schemathesis asks, and runs all of its checks."""

from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode

from tests.serve.examples import REQUESTS
from tests.serve.support import Served, serve_sample

PATHS = (*REQUESTS, "/api/v1/erasures", "/api/v1/operations")
few = settings(
    max_examples=8,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(scope="module")
def keys_api(tmp_path_factory: pytest.TempPathFactory) -> Served:
    return serve_sample(tmp_path_factory.mktemp("keys"), mode="keys")


@pytest.fixture(scope="module")
def schema(sample: Served) -> Any:
    return schemathesis.openapi.from_asgi("/openapi.json", sample.app)


@pytest.fixture(scope="module")
def keys_schema(keys_api: Served) -> Any:
    return schemathesis.openapi.from_asgi("/openapi.json", keys_api.app)


def make_sensible(case: Any) -> None:
    """What no schema can say: cursors come from pages, and days from first to last."""
    case.query.pop("cursor", None)
    if "from" in case.query and "to" in case.query:
        case.query["from"], case.query["to"] = sorted((case.query["from"], case.query["to"]))


@pytest.mark.parametrize("path", PATHS)
def test_allowed_requests_are_answered_as_described(schema: Any, path: str) -> None:
    operation = schema[path]["GET"]

    @few
    @given(case=operation.as_strategy(generation_mode=GenerationMode.POSITIVE))
    def ask(case: Any) -> None:
        make_sensible(case)
        case.call_and_validate()

    ask()


@pytest.mark.parametrize("path", PATHS)
def test_other_requests_are_refused_as_described(schema: Any, path: str) -> None:
    operation = schema[path]["GET"]
    if not operation.query and not operation.path_parameters:
        return  # nothing to get wrong

    @few
    @given(case=operation.as_strategy(generation_mode=GenerationMode.NEGATIVE))
    def ask(case: Any) -> None:
        case.call_and_validate()

    ask()


@pytest.mark.parametrize("path", REQUESTS)
def test_real_answers_are_as_described(schema: Any, sample: Served, path: str) -> None:
    """Documents with something in them, where made-up identifiers mostly find nothing."""
    schema[path]["GET"].validate_response(sample.get(REQUESTS[path]))


@pytest.mark.parametrize("path", ["/api/v1/days", "/api/v1/figures", "/api/v1/videos/{video_id}"])
def test_where_a_key_is_described_as_needed_it_is(
    keys_api: Served, keys_schema: Any, path: str
) -> None:
    """And a made-up one is refused."""
    operation = keys_schema[path]["GET"]
    headers = {"Authorization": f"Bearer {keys_api.new_key('platform')}"}
    keys_api.get("/healthz")  # moves the clock on, so that the key is known

    @settings(few, max_examples=3)
    @given(case=operation.as_strategy(generation_mode=GenerationMode.POSITIVE))
    def ask(case: Any) -> None:
        make_sensible(case)
        case.call_and_validate(headers=headers)

    ask()
