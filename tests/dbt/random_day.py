"""A day of sessions no player would send: any events in any order, many at the same instant."""

from datetime import date
from random import Random
from typing import Any

from analytics_pipeline.core.day import MS_PER_DAY, day_start_ms
from analytics_pipeline.core.event import EVENT_TYPES, PROVIDERS

VIDEOS = [("demo", f"w{i}", f"creator-{i % 3}", 30_000 * (i + 1)) for i in range(8)]


def first_bit(random: Random, kind: str) -> bool | None:
    """What a device may say of its week or month; most say nothing or no."""
    return random.choice([None, None, False, False, True]) if kind in ("play", "summary") else None


def random_events(day: date, seed: int, sessions: int = 150) -> list[dict[str, Any]]:
    """Events of `sessions` sessions by viewers of at most 8 videos (within the policy's bounds)."""
    random = Random(seed)
    start = day_start_ms(day)
    events: list[dict[str, Any]] = []
    for number in range(sessions):
        session = {
            "session_id": f"random-session-{number:04}",
            "viewer": f"{number % 90:032x}",
            "country": random.choice(["DE", "FR", "BR", "ZZ"]),
        }
        video = random.choice([*VIDEOS, (..., "unknown-video", ..., ...)])[1]
        at_ms = start + random.randrange(0, MS_PER_DAY - 1)
        for _ in range(random.randrange(1, 14)):
            at_ms += random.choice([0, 0, 1, 999, 10_000, 59_999, 60_001, 90_000, 300_000])
            if at_ms >= start + MS_PER_DAY:
                break
            kind = random.choice(EVENT_TYPES)
            events.append(
                session
                | {
                    "video_id": video,
                    "type": kind,
                    "at_ms": at_ms,
                    "seq": random.randrange(3),
                    "position_ms": random.choice([None, random.randrange(300_000)]),
                    "startup_ms": random.randrange(3_000) if kind in ("play", "summary") else None,
                    "delivered_bytes": random.choice([None, random.randrange(10**9)]),
                    "provider": random.choice(PROVIDERS),
                    "received_at_ms": len(events),
                    "watched_ms": random.randrange(300_000) if kind == "summary" else None,
                    "stalled_ms": random.randrange(9_000) if kind == "summary" else None,
                    "first_of_week": first_bit(random, kind),
                    "first_of_month": first_bit(random, kind),
                }
            )
    events += [
        event | {"received_at_ms": 10**7 + n, "position_ms": 1} for n, event in enumerate(events)
    ]
    random.shuffle(events)
    return events
