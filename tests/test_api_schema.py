"""Whatever is sent to the programming interface: never a fault of ours, always as described."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from starlette.testclient import TestClient

from archive import tokens
from archive.actors import Role
from archive.tokens import Scope
from tests.helpers import hand_in, make_person, whole_road, xml
from web.app import create_app
from worker import broker
from worker.services import Services
from worker.settings import Settings

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    chosen = Settings(
        data=tmp_path_factory.mktemp("schema"),
        allowed_hosts=["localhost", "testserver"],
        api_per_minute=10**6,
        uploads_per_minute=10**6,
    )
    with (
        broker.bundled(chosen),
        TestClient(create_app(chosen), base_url="http://localhost") as client,
    ):
        services: Services = client.app.state.services  # type: ignore[attr-defined]
        whole_road(services, hand_in(services, xml("1"), "a.xml", "JZ-1").document_id)
        actor = make_person(services, *Role)
        with services.database.write() as session:
            text = tokens.make(session, actor, "schema", list(Scope), None)
        client.headers["Authorization"] = f"Bearer {text}"
        yield client


#: Calls that the interface describes.
_CALLS = 13
#: Of each call, in each way of making them.
_EXAMPLES = 40


def _operations(web: TestClient) -> list[Any]:
    described = schemathesis.openapi.from_asgi("/api/v1/openapi.json", web.app)
    operations: list[Any] = list(described.get_all_operations())
    return [each.ok() for each in operations]


def test_no_request_makes_the_server_fail(web: TestClient) -> None:
    """As many examples a call, right and wrong ones, each answered as a problem or as described."""
    operations = _operations(web)
    assert len(operations) == _CALLS
    seen: Counter[tuple[str, int]] = Counter()
    for operation in operations:
        for mode in schemathesis.GenerationMode:

            @settings(
                max_examples=_EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck)
            )
            @given(case=operation.as_strategy(generation_mode=mode))
            def run(case: Any) -> None:
                response = case.call(headers={"Authorization": web.headers["Authorization"]})
                seen[operation.label, response.status_code] += 1  # noqa: B023 - run at once
                assert response.status_code < 500, f"{case.as_curl_command()}\n{response.text}"
                if response.status_code >= 400:
                    said = response.headers["content-type"][0]
                    assert said.startswith("application/problem+json"), case.as_curl_command()

            run()
    # Not every example may be refused at the door: then nothing would have been tried.
    answered = {label for label, status in seen if status < 400 or status in (404, 409)}
    # Only no address that is made up may be called.
    assert {each.label for each in operations} - answered <= {"POST /api/v1/webhooks"}
