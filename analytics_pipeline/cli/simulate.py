"""`simulate`: recorded sessions, scaled, sent to an API over HTTP."""

import os
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from analytics_pipeline.cli import children
from analytics_pipeline.cli.api_keys import Privacy
from analytics_pipeline.cli.console import out, progress
from analytics_pipeline.cli.videos import import_videos
from analytics_pipeline.core.day import parse_day, utc_day
from analytics_pipeline.settings import load_settings, prepare_home


def last_full_days(count: int) -> list[date]:
    """The last `count` complete UTC days, oldest first."""
    today = utc_day(datetime.now(UTC))
    return [today - timedelta(days=back) for back in range(count, 0, -1)]


def simulate(
    events: Annotated[int, typer.Option(help="About how many events in all.", min=1)] = 20_000,
    days: Annotated[int, typer.Option(help="UTC days they are spread over.", min=1)] = 3,
    first_day: Annotated[
        str | None, typer.Option(help="First UTC day; default: the last full days.")
    ] = None,
    videos: Annotated[int, typer.Option(help="Videos of the platform.", min=1)] = 40,
    creators: Annotated[int, typer.Option(help="Creators of the videos.", min=1)] = 8,
    seed: Annotated[int, typer.Option(help="Same seed, same sessions.")] = 7,
    endpoint: Annotated[
        str | None, typer.Option(help="API to send to; default: this deployment's.")
    ] = None,
    api_key: Annotated[
        str | None, typer.Option(envvar="ANALYTICS_API_KEY", help="Key of the sender.")
    ] = None,
    privacy: Annotated[
        Privacy, typer.Option(help="high: devices send daily sums; needs a key of that kind.")
    ] = Privacy.STANDARD,
) -> None:
    """Send real recorded sessions, scaled to a whole audience, through the API.

    No session is invented: each is one that was played in a browser (data/recordings), with its own
    viewer, video, provider and time of day. Their videos are added to this deployment's list.
    The API must trust this machine as a proxy, because each viewer has an address of their own:
    ANALYTICS_TRUSTED_PROXIES=127.0.0.1.

        analytics-pipeline simulate --events 20000 --api-key ak_…
    """
    settings = load_settings()
    if not api_key:
        raise typer.BadParameter(
            "make one with `analytics-pipeline api-keys create simulator`", param_hint="--api-key"
        )
    prepare_home(settings)
    start = parse_day(first_day) if first_day else last_full_days(days)[0]
    list_file = settings.home / "simulated-videos.csv"
    arguments = simulator_arguments(
        events=events,
        days=days,
        first_day=start,
        videos=videos,
        creators=creators,
        seed=seed,
        endpoint=endpoint or f"http://{settings.api_host}:{settings.api_port}",
        list_file=list_file,
        privacy=privacy,
    )
    with progress() as bars:
        bar = bars.add_task("events sent", total=events)
        result = children.run(
            "simulator",
            *arguments,
            environ={**os.environ, "ANALYTICS_API_KEY": api_key},
            log=settings.home / "logs" / "simulator.log",
            on_progress=lambda _, done, total: bars.update(bar, completed=done, total=total),
        )
    import_videos(settings, list_file)
    out.print(f"{result['events']} events of {result['sessions']} sessions sent.")


def simulator_arguments(
    *,
    events: int,
    days: int,
    first_day: date,
    videos: int,
    creators: int,
    seed: int,
    endpoint: str,
    list_file: Path,
    privacy: Privacy = Privacy.STANDARD,
) -> list[str]:
    """Arguments of `python -m analytics_pipeline.simulator`; the API key goes by environment."""
    return [
        *("--events", str(events)),
        *("--days", str(days)),
        *("--first-day", first_day.isoformat()),
        *("--videos", str(videos)),
        *("--creators", str(creators)),
        *("--seed", str(seed)),
        *("--endpoint", endpoint),
        *("--videos-csv", str(list_file)),
        *("--privacy", privacy.value),
    ]
