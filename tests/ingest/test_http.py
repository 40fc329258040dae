"""Every answer the API can give, over real HTTP."""

import socket
import time
from datetime import UTC, datetime, timedelta, timezone

import httpx
import pytest

from analytics_pipeline.core.batch import MAX_FRAME_BYTES, BatchHeader, build_frame, parse_payload
from analytics_pipeline.core.batch import hpke_info as info_of
from analytics_pipeline.core.event import PLAYER_EVENT_TYPES
from analytics_pipeline.storage.api_keys import load_api_keys, revoke_api_key
from analytics_pipeline.storage.queue import QueuedBatch
from tests.ingest.support import ORIGIN, Api, assert_problem, make_plain


def opened(api: Api, batch: QueuedBatch) -> list[dict[str, object]]:
    """The events of a queued batch, opened with the private key."""
    info = info_of(batch.project, batch.key_id, batch.batch_id)
    return parse_payload(api.keyring.open_batch(batch.key_id, info, batch.sealed))


def test_sealed_batch_is_accepted_and_queued_as_sent(api: Api) -> None:
    """A 202 means that the very ciphertext is in the queue, with pseudonym, country and time."""
    frame = api.frame("batch-accepted-as-sent")
    response = api.post_frame(frame, x_forwarded_for="81.2.69.142")
    assert response.status_code == 202
    assert response.json() == {
        "batch_id": "batch-accepted-as-sent",
        "accepted": True,
        "duplicate": False,
    }
    (batch,) = [each for each in api.queued() if each.batch_id == "batch-accepted-as-sent"]
    assert frame.endswith(batch.sealed)
    assert (batch.project, batch.key_id, batch.country) == ("demo", api.key_id, "GB")
    assert abs(batch.received_at_ms - time.time() * 1000) < 60_000
    assert opened(api, batch)[0]["video_id"] == "v1"


def test_replay_is_accepted_once(api: Api) -> None:
    """The same batch id again answers 202 and duplicate, and stores nothing."""
    frame = api.frame("batch-sent-three-times")
    answers = [api.post_frame(frame).json()["duplicate"] for _ in range(3)]
    assert answers == [False, True, True]
    assert [each.batch_id for each in api.queued()].count("batch-sent-three-times") == 1


@pytest.mark.parametrize("content_type", ["text/plain", "application/octet-stream", "text/x-any"])
def test_batches_come_with_any_media_type(api: Api, content_type: str) -> None:
    """A beacon cannot choose freely, so the frame is recognised by its form alone."""
    assert api.post_frame(content_type=content_type).status_code == 202


def test_api_key_may_stand_in_a_header(api: Api) -> None:
    """Servers send the key as Bearer token or X-API-Key and leave the frame's empty."""
    assert api.post_frame(api.frame(api_key=""), x_api_key=api.api_key).status_code == 202
    bearer = f"Bearer {api.api_key}"
    assert api.post_frame(api.frame(api_key=""), authorization=bearer).status_code == 202


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b"", "frame"),
        (b"\x00\x02{}", "frame"),
        (b"\xff\xff" + b"x" * 200, "frame"),
        (b"\x00\x02{}" + b"x" * 60, "header.v"),
        (b"\x00\x04{{{{" + b"x" * 60, "header"),
    ],
)
def test_malformed_frame_names_its_field(api: Api, body: bytes, field: str) -> None:
    """What is no frame is a 400 that says which part is wrong."""
    assert_problem(api.post_frame(body), 400, field)


def test_malformed_header_field_is_named(api: Api) -> None:
    """A header field outside its limits is named with its path."""
    sealed = b"x" * 60
    frame = build_frame(BatchHeader(1, "demo", api.key_id, "short", api.api_key), sealed)
    assert_problem(api.post_frame(frame), 400, "header.batch_id")


def test_unknown_batch_key_is_named(api: Api) -> None:
    """A batch sealed to a key nobody has is refused at once."""
    assert_problem(api.post_frame(api.frame(key_id="batch-999999-00000000")), 400, "header.key_id")


@pytest.mark.parametrize("secret", ["", "ak_wrong", "ä" * 20])
def test_unknown_api_key_is_refused(api: Api, secret: str) -> None:
    """Without a known key nothing is queued, and the challenge says which scheme."""
    response = api.post_frame(api.frame(api_key=secret))
    assert_problem(response, 401)
    assert response.headers["www-authenticate"] == "Bearer"
    assert_problem(api.client.post("/api/ingest", json=make_plain()), 401)


def test_key_of_another_project_is_refused(api: Api) -> None:
    """A key sends events for its own project only."""
    other = api.new_api_key(project="other")
    time.sleep(1.1)  # key files are read again after a second
    assert_problem(api.post_frame(api.frame(api_key=other)), 403, "header.project")


def test_revoked_key_stops_working_without_a_restart(api: Api) -> None:
    """Revoking takes effect within about a second."""
    secret = api.new_api_key()
    key = load_api_keys(api.api_keys_path)[-1]
    time.sleep(1.1)
    assert api.post_frame(api.frame(api_key=secret)).status_code == 202
    revoke_api_key(api.api_keys_path, key.key_id)
    time.sleep(1.1)
    assert_problem(api.post_frame(api.frame(api_key=secret)), 401)


def test_origin_list_guards_browsers(api: Api) -> None:
    """Pages of a listed origin may send and read the answer; other pages may not."""
    allowed = api.post_frame(origin=ORIGIN)
    assert allowed.status_code == 202
    assert allowed.headers["access-control-allow-origin"] == ORIGIN
    assert allowed.headers["vary"] == "Origin"
    refused = api.post_frame(origin="https://elsewhere.example")
    assert_problem(refused, 403, "Origin")
    assert "access-control-allow-origin" not in refused.headers


@pytest.mark.parametrize("path", ["/api/v1/batches", "/api/ingest"])
def test_preflight_is_answered(api: Api, path: str) -> None:
    """A preflight for a listed origin allows the API key headers; for others it allows nothing."""
    headers = {"origin": ORIGIN, "access-control-request-method": "POST"}
    response = api.client.options(path, headers=headers)
    assert response.status_code == 204
    assert response.headers["access-control-allow-origin"] == ORIGIN
    assert "x-api-key" in response.headers["access-control-allow-headers"]
    response = api.client.options(path, headers={**headers, "origin": "https://evil.example"})
    assert "access-control-allow-origin" not in response.headers


def test_announced_size_is_refused_before_the_body(api: Api) -> None:
    """413 arrives while the client has sent nothing but its headers."""
    with socket.create_connection(("127.0.0.1", api.port), 10) as connection:
        connection.sendall(
            b"POST /api/v1/batches HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n"
            % (MAX_FRAME_BYTES + 1)
        )
        assert connection.recv(64).startswith(b"HTTP/1.1 413 ")


def test_endless_body_is_refused_while_streaming(api: Api) -> None:
    """A chunked body without an end gets its 413 after little more than the limit."""
    chunk = b"2000\r\n" + b"x" * 0x2000 + b"\r\n"
    with socket.create_connection(("127.0.0.1", api.port), 10) as connection:
        connection.sendall(
            b"POST /api/v1/batches HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n"
        )
        for _ in range(MAX_FRAME_BYTES // 0x2000 + 1):
            connection.sendall(chunk)
        assert connection.recv(64).startswith(b"HTTP/1.1 413 ")


def test_largest_frame_is_accepted(api: Api) -> None:
    """The limit itself is still inside."""
    frame = api.frame()
    assert api.post_frame(frame + bytes(MAX_FRAME_BYTES - len(frame))).status_code == 202
    assert_problem(api.post_frame(frame + bytes(MAX_FRAME_BYTES - len(frame) + 1)), 413)
    assert_problem(api.post_plain({"sessionId": "s" * 20_000}), 413)


def test_encoded_or_foreign_bodies_are_unsupported(api: Api) -> None:
    """Compressed bodies and forms get 415, naming the header."""
    assert_problem(api.post_frame(content_encoding="gzip"), 415, "Content-Encoding")
    headers = {"x-api-key": api.api_key}
    response = api.client.post("/api/ingest", data={"a": "b"}, headers=headers)
    assert_problem(response, 415, "Content-Type")


@pytest.mark.parametrize("event_type", PLAYER_EVENT_TYPES)
def test_plain_event_is_sealed_before_it_is_queued(api: Api, event_type: str) -> None:
    """All eight types arrive in the queue as ciphertext that only the private key opens."""
    event = make_plain(eventType=event_type, payload={"currentTime": 12.3456, "duration": 60})
    response = api.post_plain(event)
    assert response.status_code == 202, response.text
    batch_id = response.json()["batch_id"]
    (batch,) = [each for each in api.queued() if each.batch_id == batch_id]
    assert event["sessionId"].encode() not in batch.sealed
    assert opened(api, batch) == [
        {
            "type": event_type,
            "session_id": event["sessionId"],
            "video_id": "v1",
            "at_ms": event["timestamp"],
            "position_ms": 12_346,
            "duration_ms": 60_000,
        }
    ]


def test_plain_event_is_idempotent(api: Api) -> None:
    """Equal (session, video, type, time) is one event, however the time is written."""
    at = datetime.now(UTC).replace(microsecond=678000) - timedelta(days=1)
    event = make_plain(timestamp=int(at.timestamp() * 1000))
    assert api.post_plain(event).json()["duplicate"] is False
    assert api.post_plain(event).json()["duplicate"] is True
    elsewhere = at.astimezone(timezone(timedelta(hours=1)))
    iso = {**event, "timestamp": elsewhere.isoformat(timespec="milliseconds")}
    assert api.post_plain(iso).json()["duplicate"] is True
    later = {**event, "timestamp": event["timestamp"] + 1}
    assert api.post_plain(later).json()["duplicate"] is False


def test_complete_is_idempotent_on_session_and_video(api: Api) -> None:
    """A second `complete` of a view is a replay whatever its time; of another video it is not."""
    event = make_plain(eventType="complete")
    assert api.post_plain(event).json()["duplicate"] is False
    later = {**event, "timestamp": event["timestamp"] + 5000}
    assert api.post_plain(later).json()["duplicate"] is True
    assert api.post_plain({**later, "videoId": "v2"}).json()["duplicate"] is False


@pytest.mark.parametrize("hours", [2, -9 * 24])
def test_event_that_would_be_dropped_is_refused(api: Api, hours: int) -> None:
    """202 is a promise to count the event: one too old or from the future gets 400 instead."""
    event = make_plain()
    answer = api.post_plain({**event, "timestamp": event["timestamp"] + hours * 3_600_000})
    assert (answer.status_code, answer.json()["field"]) == (400, "timestamp")


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"eventType": "watch"}, "eventType"),
        ({"timestamp": "yesterday"}, "timestamp"),
        ({"timestamp": "2026-01-01T00:00:00"}, "timestamp"),
        ({"timestamp": 1767225600}, "timestamp"),
        ({"sessionId": "short"}, "sessionId"),
        ({"videoId": ""}, "videoId"),
        ({"userId": "me"}, "userId"),
        ({"payload": {"currentTime": -1}}, "payload.currentTime"),
        ({"payload": {"userAgent": "x"}}, "payload.userAgent"),
        ({"payload": {"errorCode": "X"}}, "payload.errorCode"),
        ({"eventType": "pause", "payload": {"startupTime": 1}}, "payload.startupTime"),
    ],
)
def test_bad_plain_event_names_its_field(api: Api, change: dict[str, object], field: str) -> None:
    """Every broken rule is a 400 that names the field as the caller wrote it."""
    assert_problem(api.post_plain(make_plain(**change)), 400, field)


def test_body_that_is_no_json_is_named(api: Api) -> None:
    """Neither broken JSON nor another JSON value reaches anything further."""
    headers = {"x-api-key": api.api_key, "content-type": "application/json"}
    for body in (b"", b"{", b"[]", b"\xff\xfe", b"null", b"[" * 9000):
        assert_problem(api.client.post("/api/ingest", content=body, headers=headers), 400, "body")


def test_other_methods_and_paths_are_problems_too(api: Api) -> None:
    """404 and 405 are problem documents like everything else."""
    assert_problem(api.client.get("/nowhere"), 404)
    assert_problem(api.client.get("/api/v1/batches"), 405)
    assert_problem(api.client.delete("/healthz"), 405)


def test_problem_types_resolve(api: Api) -> None:
    """The `type` of a problem is a path that explains it."""
    problem = api.post_plain({"x": 1}).json()
    explained = api.client.get(problem["type"]).json()
    assert (explained["status"], explained["title"]) == (400, problem["title"])
    assert_problem(api.client.get("/problems/none"), 404)


def test_public_key_is_served_to_any_page(api: Api) -> None:
    """The SDK learns the active batch key, and nothing private."""
    response = api.client.get("/api/v1/keys")
    assert response.headers["access-control-allow-origin"] == "*"
    assert set(response.json()) == {"project", "key_id", "algorithm", "public_key", "created_at"}
    assert response.json()["key_id"] == api.key_id


def test_status_counts_for_this_machine_only(api: Api) -> None:
    """Exact counts are shown to a direct local connection and to nobody behind a proxy."""
    before = api.client.get("/api/v1/status").json()["requests"].get("accepted", 0)
    api.post_frame()
    status = api.client.get("/api/v1/status").json()
    assert status["requests"]["accepted"] == before + 1
    assert status["queued_batches"] == len(api.queued())
    forwarded = {"x-forwarded-for": "192.0.2.7"}
    assert_problem(api.client.get("/api/v1/status", headers=forwarded), 403)


def test_one_viewer_cannot_use_up_a_page_key(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Over their own rate a viewer gets 429; other viewers, and keys of servers, do not notice."""
    limited = Api(
        tmp_path_factory.mktemp("viewer"),
        ANALYTICS_RATE_LIMIT_PER_VIEWER="2",
        ANALYTICS_TRUSTED_PROXIES="127.0.0.1",
    ).start()
    try:
        server_key = limited.new_api_key(origins=())
        someone, other = ({"x-forwarded-for": f"192.0.2.{n}"} for n in (1, 2))

        def post(headers: dict[str, str], **header: str) -> httpx.Response:
            body = limited.frame(**header)
            return limited.client.post("/api/v1/batches", content=body, headers=headers)

        answers = [post(someone) for _ in range(12)]
        refused = [answer for answer in answers if answer.status_code != 202]
        assert refused
        assert_problem(refused[0], 429)
        assert post(other).status_code == 202
        assert {post(someone, api_key=server_key).status_code for _ in range(12)} == {202}
    finally:
        limited.stop()


def test_rate_limit_is_per_key(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Over the rate a key gets 429 with Retry-After; another key does not notice."""
    limited = Api(tmp_path_factory.mktemp("limited"), ANALYTICS_RATE_LIMIT="3").start()
    try:
        other = limited.new_api_key()
        time.sleep(1.1)
        responses = [limited.post_frame() for _ in range(12)]
        refused = [each for each in responses if each.status_code != 202]
        assert refused
        for response in refused:
            assert_problem(response, 429)
            assert int(response.headers["retry-after"]) >= 1
        assert limited.post_frame(limited.frame(api_key=other)).status_code == 202
        time.sleep(int(refused[-1].headers["retry-after"]))
        assert limited.post_frame().status_code == 202
    finally:
        limited.stop()


def test_full_queue_is_a_503_and_recovers(tmp_path_factory: pytest.TempPathFactory) -> None:
    """When the queue may not grow the API asks to come back, and takes batches again once the
    sealer has made room."""
    small = Api(tmp_path_factory.mktemp("small"), ANALYTICS_QUEUE_MAX_BYTES=str(2**20)).start()
    try:
        padding = bytes(200_000)
        responses = [small.post_frame(small.frame() + padding) for _ in range(8)]
        assert responses[0].status_code == 202
        assert_problem(responses[-1], 503)
        assert int(responses[-1].headers["retry-after"]) >= 1
        accepted = [each for each in responses if each.status_code == 202]
        assert len(small.queued()) == len(accepted)
        drain(small)
        assert small.post_frame(small.frame() + padding).status_code == 202
    finally:
        small.stop()


def drain(api: Api) -> None:
    """Empty the queue as the sealer would."""
    from analytics_pipeline.storage.queue import SqliteQueue

    queue = SqliteQueue(api.home / "queue.sqlite")
    queue.delete([batch.id for batch in queue.peek(1000)])
    queue.close()


def test_without_a_batch_key_plain_events_wait(tmp_path_factory: pytest.TempPathFactory) -> None:
    """An installation without keys answers 503 and says which command makes them."""
    bare = Api(tmp_path_factory.mktemp("bare"))
    for path in (bare.home / "keys" / "public").iterdir():
        path.unlink()
    bare.start()
    try:
        response = bare.post_plain()
        assert_problem(response, 503)
        assert "keys create" in response.json()["detail"]
        assert_problem(bare.client.get("/api/v1/keys"), 503)
    finally:
        bare.stop()


def test_openapi_describes_the_post_routes(api: Api) -> None:
    """Every documented example is accepted (with today's time), and every status is documented."""
    document = api.client.get("/openapi.json").json()
    operation = document["paths"]["/api/ingest"]["post"]
    for example in operation["requestBody"]["content"]["application/json"]["examples"].values():
        event = {**example["value"], "timestamp": make_plain()["timestamp"]}
        assert api.post_plain(event).status_code == 202
    assert {"202", "400", "401", "403", "413", "429", "503"} <= set(operation["responses"])
    assert "/api/v1/batches" in document["paths"]
    assert document["components"]["schemas"]["PlainEvent"]["additionalProperties"] is False


def test_client_that_leaves_early_costs_nothing(api: Api) -> None:
    """A connection closed in the middle of its body neither counts nor stops the API."""
    for _ in range(5):
        with socket.create_connection(("127.0.0.1", api.port), 10) as connection:
            connection.sendall(
                b"POST /api/v1/batches HTTP/1.1\r\nhost: x\r\ncontent-length: 5000\r\n\r\nabc"
            )
    assert isinstance(api.post_frame(), httpx.Response)
    assert "Traceback" not in api.log.read_text()
