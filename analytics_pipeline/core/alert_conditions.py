"""What an alert can watch, and the one strict parser of it.

    drop                 a released figure falls below the mean of the released days before it
    rebuffer             too many of a storage provider's viewer-days stalled
    missing_day          a complete UTC day has no release
    failed_verification  a released day does not verify

Belongs here: the four conditions, their fields and limits. Does not belong here: deciding
(`core.alerts`), who set a rule and where it calls (`storage.alerts`).
"""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from analytics_pipeline.core.errors import InvalidInput
from analytics_pipeline.core.event import Provider, describe_validation_error
from analytics_pipeline.core.policy import DEFAULT_POLICY
from analytics_pipeline.core.tally import IDENTIFIER

Scope = Literal["platform", "video", "creator", "region", "provider"]
#: 0 and the edges of `core.histograms`
StalledPermille = Literal[0, 5, 10, 20, 50, 100, 200]
Percent = Annotated[int, Meta(ge=1, le=99)]


class Drop(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="type", tag="drop"):
    """A day's figure is more than ``percent`` below the mean of the ``days`` released before.
    ``key`` says which video, creator, …; the platform's is empty."""

    scope: Scope
    key: str = ""
    metric: Literal["viewers", "watch_seconds"] = "viewers"
    percent: Percent = 30
    days: Annotated[int, Meta(ge=2, le=28)] = 7


class Rebuffer(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="type", tag="rebuffer"
):
    """More than ``percent`` of a storage provider's viewer-days stalled for at least
    ``stalled_permille`` thousandths of their time (0: stalled at all)."""

    provider: Provider
    stalled_permille: StalledPermille = 20
    percent: Percent = 10


class MissingDay(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="type", tag="missing_day"
):
    """A UTC day has no release ``hours`` after its end."""

    hours: Annotated[int, Meta(ge=1, le=240)] = 12


class FailedVerification(
    msgspec.Struct,
    frozen=True,
    forbid_unknown_fields=True,
    tag_field="type",
    tag="failed_verification",
):
    """The newest release of a day does not verify."""


Condition = Drop | Rebuffer | MissingDay | FailedVerification


def parse_condition(raw: Any) -> Condition:
    """Parse a decoded JSON object.

    Raises:
        InvalidInput: naming the field.
    """
    try:
        condition: Condition = msgspec.convert(raw, Condition)
    except msgspec.ValidationError as error:
        field, problem = describe_validation_error(error)
        raise InvalidInput("type" if field == "event" else field, problem) from None
    check_condition(condition)
    return condition


def check_condition(condition: Condition) -> None:
    """What types do not say: that there is such a figure. Raises InvalidInput."""
    if not isinstance(condition, Drop):
        return
    scope, key, metric = condition.scope, condition.key, condition.metric
    if (scope, metric) not in DEFAULT_POLICY.by_row:
        raise InvalidInput("metric", f"{metric} is not released by {scope}")
    if (scope == "platform") != (key == ""):
        problem = "must be empty: there is one platform" if key else f"must say which {scope}"
        raise InvalidInput("key", problem)
    if key and not IDENTIFIER.fullmatch(key):
        raise InvalidInput("key", "must be 1 to 128 of A-Z a-z 0-9 . _ : -")
    known = {"region": DEFAULT_POLICY.regions, "provider": DEFAULT_POLICY.providers}
    if scope in known and key not in known[scope]:
        raise InvalidInput("key", f"{key!r} is no {scope} that has figures")


def build_condition(condition: Condition) -> dict[str, Any]:
    """Inverse of `parse_condition`; every field stands in it, defaults too."""
    built: dict[str, Any] = msgspec.to_builtins(condition)
    return built


def type_of(condition: Condition) -> str:
    """The condition's ``type``."""
    tag = condition.__struct_config__.tag
    assert isinstance(tag, str)  # noqa: S101 - all four have one
    return tag
