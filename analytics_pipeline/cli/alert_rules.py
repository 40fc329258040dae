"""`alerts add`: one sub-command for each condition."""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any

import typer

from analytics_pipeline.cli.console import out
from analytics_pipeline.settings import load_settings, prepare_home

add = typer.Typer(help="Make a rule; prints its id.", no_args_is_help=True)


class Scope(StrEnum):
    """What a figure is about."""

    PLATFORM = "platform"
    VIDEO = "video"
    CREATOR = "creator"
    REGION = "region"
    PROVIDER = "provider"


class Metric(StrEnum):
    """Figures that can drop."""

    VIEWERS = "viewers"
    WATCH_SECONDS = "watch_seconds"


Url = Annotated[str, typer.Option(help="Where to call: https://…")]
Private = Annotated[
    bool,
    typer.Option(
        "--allow-private",
        help="The address may be on this machine (by http, too) or on a private network.",
    ),
]


@add.command()
def drop(
    url: Url,
    scope: Annotated[Scope, typer.Option(help="What the figure is about.")] = Scope.PLATFORM,
    key: Annotated[str, typer.Option(help="Which video, creator, region or provider.")] = "",
    metric: Annotated[Metric, typer.Option(help="Which figure.")] = Metric.VIEWERS,
    percent: Annotated[int, typer.Option(help="So many percent below.", min=1, max=99)] = 30,
    days: Annotated[
        int, typer.Option(help="The mean of so many released days before.", min=2, max=28)
    ] = 7,
    allow_private: Private = False,
) -> None:
    """A figure falls: it is more than PERCENT below the mean of the DAYS released before it, and by
    more than noise explains.

    analytics-pipeline alerts add drop --url https://example.org/hook --scope creator --key ana
    """
    _add(
        url,
        allow_private,
        type="drop",
        scope=scope.value,
        key=key,
        metric=metric.value,
        percent=percent,
        days=days,
    )


@add.command()
def rebuffer(
    url: Url,
    provider: Annotated[str, typer.Option(help="Storage provider: ipfs, arweave, …")],
    stalled_permille: Annotated[
        int,
        typer.Option(
            help="Stalled means: for so many thousandths of its time or more; 0: at all. "
            "0, 5, 10, 20, 50, 100 or 200."
        ),
    ] = 20,
    percent: Annotated[
        int, typer.Option(help="More than so many percent of viewer-days.", min=1, max=99)
    ] = 10,
    allow_private: Private = False,
) -> None:
    """Playback stalls: of a storage provider's viewer-days, surely more than PERCENT stalled.

    analytics-pipeline alerts add rebuffer --url https://example.org/hook --provider ipfs
    """
    _add(
        url,
        allow_private,
        type="rebuffer",
        provider=provider,
        stalled_permille=stalled_permille,
        percent=percent,
    )


@add.command("missing-day")
def missing_day(
    url: Url,
    hours: Annotated[int, typer.Option(help="Hours after its end.", min=1, max=240)] = 12,
    allow_private: Private = False,
) -> None:
    """A day is missing: HOURS after its end a UTC day has no release. One on which nobody watched
    has one, too.

    analytics-pipeline alerts add missing-day --url https://example.org/hook --hours 6
    """
    _add(url, allow_private, type="missing_day", hours=hours)


@add.command("failed-verification")
def failed_verification(url: Url, allow_private: Private = False) -> None:
    """A released day does not verify: a check failed, twice in a row.

    analytics-pipeline alerts add failed-verification --url https://example.org/hook
    """
    _add(url, allow_private, type="failed_verification")


def _add(url: str, allow_private: bool, **fields: Any) -> None:
    from analytics_pipeline.core.alert_conditions import parse_condition
    from analytics_pipeline.core.webhooks import parse_url
    from analytics_pipeline.storage.alerts import OPERATOR, AlertStore, add_rule

    settings = load_settings()
    condition = parse_condition(fields)
    target = parse_url(url, inward=allow_private)
    prepare_home(settings)
    store = AlertStore(settings.alerts_path)
    rule = add_rule(store, OPERATOR, condition, target, datetime.now(UTC))
    store.close()
    out.print(rule.rule_id)
