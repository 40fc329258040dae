"""The page about the API shows what the API answers."""

import json
import re
from pathlib import Path

from tests.serve.support import Served

PAGE = (Path(__file__).parents[2] / "docs" / "api.md").read_text()
BASE = "http://127.0.0.1:8090"
#: a command and what it prints, where the page shows that
SHOWN = re.compile(r"\$ curl '([^']+)'\n```\n\n```json\n(.*?)\n```", re.DOTALL)


def test_every_request_on_the_page_is_answered(sample: Served) -> None:
    """On the sample day; those that show a problem, with that problem."""
    requests = re.findall(rf"'{BASE}([^']*)'", PAGE)
    requests += [f"/api/v1{path}" for path in re.findall(r'f"\{BASE\}([^"]*)"', PAGE)]
    assert len(requests) >= 12
    for path in requests:
        expected = 400 if path.endswith("limit=0") else 200
        assert sample.get(path).status_code == expected, path


def test_answers_on_the_page_are_real(sample: Served) -> None:
    shown = SHOWN.findall(PAGE)
    assert len(shown) == 2
    for url, answer in shown:
        assert sample.get(url.removeprefix(BASE)).json() == json.loads(answer)


def test_every_route_a_reader_needs_is_described(sample: Served) -> None:
    """The page names routes; all of them exist."""
    described = sample.json("/openapi.json")["paths"]
    for path in re.findall(r"`(/api/v1/[a-z/-]+)`", PAGE):
        assert path in described
