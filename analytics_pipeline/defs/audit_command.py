"""`python -m analytics_pipeline.defs audit|audit-grant`: what the command line starts.

    audit FOLDER [--grant FILE]     FOLDER/day/… is a verified bundle folder, FOLDER/segments/<cid>
                                    the sealed segments; without a grant this deployment's is made
    audit-grant DAY --out FILE      write a grant

stdout of `audit` has progress as JSON lines and one last line, ``{"result": {"checks", "failure",
"error"}}``: a lie that was found (failure), and why nothing was shown (error), are results like
any other, and the exit code is 0. `audit-grant` says in words what it wrote.
"""

import json
import signal
from contextlib import closing
from dataclasses import asdict
from datetime import date
from pathlib import Path
from types import FrameType
from typing import Any, Final, NoReturn

from analytics_pipeline.core.audit_errors import AuditFailed
from analytics_pipeline.core.audit_grant import Grant, parse_grant
from analytics_pipeline.core.day import parse_day
from analytics_pipeline.core.errors import EXPECTED, InvalidInput, describe_error
from analytics_pipeline.core.verify_errors import CheckResult
from analytics_pipeline.settings import load_settings, require_home

DAY_FOLDER: Final = "day"
SEGMENTS_FOLDER: Final = "segments"


def run_audit(folder: Path, grant_file: Path | None) -> None:
    """Audit a release and print the result."""
    signal.signal(signal.SIGTERM, _leave)  # or temporary events would outlive this process
    result: dict[str, Any] = {"checks": [], "failure": None, "error": None}
    try:
        checks = _audit(folder, grant_file)
    except AuditFailed as error:
        checks = error.results
        result["failure"] = {"name": error.name, "number": error.number, "message": str(error)}
    except EXPECTED as error:
        checks = []
        name, _, message = describe_error(error).partition(": ")
        wrong_input = isinstance(error, InvalidInput)
        result["error"] = {"name": name, "message": message, "wrong_input": wrong_input}
    result["checks"] = [asdict(check) for check in checks]
    _print({"result": result})


def _audit(folder: Path, grant_file: Path | None) -> list[CheckResult]:
    from analytics_pipeline.core.bundle import BUNDLE_DIRECTORY, parse_bundle_info
    from analytics_pipeline.defs.audit import audit

    files = _load_files(folder / DAY_FOLDER)
    info = parse_bundle_info(files[f"{BUNDLE_DIRECTORY}/bundle.json"])
    grant = _load_grant(grant_file) if grant_file else _own_grant(info.platform, info.day)
    segments = folder / SEGMENTS_FOLDER
    return audit(files, grant, lambda cid: (segments / cid).read_bytes(), _show)


def run_grant(day: str, out: Path) -> None:
    """Write the grant of a day's newest release, and say which it is of.

    Raises:
        InvalidInput, EventsExpired, ReleaseError, KeyUnavailable: nothing was written.
    """
    from analytics_pipeline.defs.audit_grant import make_grant, write_grant
    from analytics_pipeline.defs.stores import Stores

    settings = load_settings()
    require_home(settings)
    with closing(Stores(settings)) as stores:
        grant = make_grant(stores, parse_day(day))
    write_grant(grant, out)
    name = f"{grant.platform} {grant.day} revision {grant.revision}"
    print(f"{out}: grant of {name}, {len(grant.segments)} segments")


def _own_grant(platform: str, day: date) -> Grant:
    from analytics_pipeline.defs.audit_grant import make_grant
    from analytics_pipeline.defs.stores import Stores

    settings = load_settings()
    require_home(settings)
    if platform != settings.platform:
        raise InvalidInput(
            "--grant", f"is needed: this deployment is of {settings.platform}, not of {platform}"
        )
    with closing(Stores(settings)) as stores:
        return make_grant(stores, day)


def _load_grant(path: Path) -> Grant:
    if path.stat().st_mode & 0o077:
        raise InvalidInput("--grant", f"{path} is readable by others; `chmod 600` it")
    return parse_grant(path.read_bytes())


def _load_files(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def _show(stage: str, done: int, total: int) -> None:
    _print({"stage": stage, "done": done, "total": total})


def _print(message: dict[str, Any]) -> None:
    print(json.dumps(message), flush=True)


def _leave(number: int, frame: FrameType | None) -> NoReturn:
    raise SystemExit(128 + number)
