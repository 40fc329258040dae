"""The emitted circuit against a small one in Noir that states the same in another way.

`noir/` has no columns, no logarithmic derivatives and no range checks: it loops over rows, adds up
into arrays and looks noise up by comparing. It gets sizes, policy and thresholds from `core`, and
nothing from the emitter. On the same rows it must return the same roots and the same T, and it must
refuse the same lies. Needs npm's registry: run with `-m node`.
"""

import json
import random
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from analytics_pipeline.core.field import MODULUS
from analytics_pipeline.core.gaussian import thresholds
from analytics_pipeline.core.histograms import REBUFFER_BINS, RETENTION_BINS, STARTUP_BINS
from analytics_pipeline.core.listing import ListedVideo, build_listing, name_of
from analytics_pipeline.core.poseidon2 import label_element
from analytics_pipeline.core.regions import CONTINENTS, continent_of
from analytics_pipeline.core.sampler import half_width, word_format
from analytics_pipeline.proving.shape import BIN_BITS, ELEMENT_BITS, build_shape
from analytics_pipeline.proving.stated import stated_sizes
from tests.chain.node_tools import node_command, npm_command
from tests.proving.circuit_cheats import Row, X, add_up, arrays, new_creators, run
from tests.proving.circuit_world import (
    NONCE,
    POLICY,
    SALT,
    SEED,
    Day,
    Solved,
    random_day,
    solve_main,
)

pytestmark = pytest.mark.node

FOLDER = Path(__file__).parent / "noir"
#: Five video slots, the last of them empty; two creators.
SHAPE = build_shape(POLICY, rows=39, videos=5, creators=2)
LISTING = build_listing(
    ListedVideo(*video) for video in (("ana", "a1"), ("ana", "a2"), ("bo", "b1"), ("bo", "b2"))
)
OWNERS = (0, 0, 1, 1, 0)


def noir_tables() -> str:
    """`tables.nr`: what the circuit is for, as constants."""
    bounds = POLICY.bounds
    count, seconds = SHAPE.count_bits, SHAPE.total_seconds_bits
    cell_bits, creator_bits = 3 * count + seconds, count + seconds
    row_bits = BIN_BITS + SHAPE.video_bits + SHAPE.seconds_bits + 1
    per = {
        "ROWS": ELEMENT_BITS // row_bits,
        "CELLS": ELEMENT_BITS // cell_bits,
        "CREATORS": ELEMENT_BITS // creator_bits,
        "STATED": ELEMENT_BITS // count,
    }
    records = {
        "ROWS": SHAPE.rows,
        "CELLS": SHAPE.cells,
        "CREATORS": SHAPE.creators,
        "STATED": sum(stated_sizes(SHAPE).values()),
    }
    numbers = {
        "ROWS": SHAPE.rows,
        "VIDEOS": SHAPE.videos,
        "CREATORS": SHAPE.creators,
        "REGIONS": len(POLICY.regions),
        "PROVIDERS": len(POLICY.providers),
        "CONTINENTS": len(CONTINENTS),
        "STARTUP_BINS": STARTUP_BINS,
        "REBUFFER_BINS": REBUFFER_BINS,
        "STATED": records["STATED"],
        "BINS": RETENTION_BINS,
        "CELLS": SHAPE.cells,
        "VIDEOS_PER_VIEWER_DAY": bounds.videos_per_viewer_day,
        "SECONDS_PER_VIDEO": bounds.seconds_per_video,
        "SECONDS_PER_DAY": bounds.seconds_per_day,
        **{f"{name}_PER_ELEMENT": value for name, value in per.items()},
        **{f"{name.removesuffix('S')}_ELEMENTS": -(-records[name] // per[name]) for name in per},
    }
    elements = {
        "VIDEO_RANGE": 1 << SHAPE.video_bits,
        "SECONDS_RANGE": 1 << SHAPE.seconds_bits,
        "ROW_RANGE": 1 << row_bits,
        "COUNT_RANGE": 1 << count,
        "TOTAL_SECONDS_RANGE": 1 << seconds,
        "CELL_RANGE": 1 << cell_bits,
        "PLATFORM_NAME": name_of("platform", ""),
        "SEED_LABEL": label_element("viewership/seed/1"),
        "NOISE_LABEL": label_element("viewership/noise/1"),
        "TALLY_LABEL": label_element("viewership/tally/1"),
        "CATALOGUE_LABEL": label_element("viewership/catalogue/1"),
    }
    lines = [f"pub global {name}: u32 = {value};" for name, value in numbers.items()]
    lines += [f"pub global {name}: Field = {value};" for name, value in elements.items()]
    steps = [
        [thresholds(query.sigma_thousandths, size) for size in word_format(query.unit).digit_ranges]
        for query in POLICY.queries
    ]
    longest = max(len(tables[0]) for tables in steps)

    def array(name: str, kind: str, values: Sequence[object]) -> str:
        return f"pub global {name}: [{kind}; {len(values)}] = [{', '.join(map(str, values))}];"

    def padded(table: Sequence[int]) -> str:
        return f"[{', '.join(map(str, [*table, *([0] * (longest - len(table)))]))}]"

    queries = POLICY.queries
    lines += [
        array("UNITS", "u32", [query.unit for query in queries]),
        array("THRESHOLDS", "i64", [query.threshold for query in queries]),
        array("TABLE_SIZE", "u32", [2 * half_width(query) + 1 for query in queries]),
        array(
            "WORD_QUOTIENTS",
            "Field",
            [MODULUS // query.unit if query.unit > 1 else 0 for query in queries],
        ),
        array("TABLE_FIRST", f"[Field; {longest}]", [padded(tables[0]) for tables in steps]),
        array("TABLE_OTHER", f"[Field; {longest}]", [padded(tables[1]) for tables in steps]),
        array("REGION_NAMES", "Field", [name_of("region", region) for region in POLICY.regions]),
        array("PROVIDER_NAMES", "Field", [name_of("provider", each) for each in POLICY.providers]),
        array(
            "CONTINENT_OF_REGION",
            "u32",
            [CONTINENTS.index(continent_of(region)) for region in POLICY.regions],
        ),
    ]
    return "\n".join(lines) + "\n"


# ---- the same rows for both ----------------------------------------------------


def honest_rows(count: int, seed: int) -> list[Row]:
    """Rows of a random day."""
    day = random_day(random.Random(seed), count, Day((), LISTING, POLICY))
    views = [run(*((v.video, v.bin, v.seconds) for v in viewer.views)) for viewer in day.viewers]
    return [row for rows in views for row in rows]


BASE = honest_rows(30, 1)
HONEST = {"some": BASE, "nobody": [], "full": honest_rows(SHAPE.rows, 2)}
#: Rows, and the assertion of the Noir circuit that they fail.
LIES = {
    "seconds over the bound": ([*BASE, *run((0, 3, 901))], "seconds of a video"),
    "too many seconds a day": (
        [*BASE, *run((0, 3, 900), (1, 0, 900), (3, 0, 201))],
        "seconds of a day",
    ),
    "unsorted": ([*BASE, *run((1, 0, 50), (0, 3, 50))], "order"),
    "one video twice": ([*BASE, *run((1, 0, 50), (1, 3, 50))], "order"),
    "too many videos": (
        [*BASE, *run((0, 0, 1), (1, 0, 1), (2, 0, 1), (3, 0, 1))],
        "videos of a day",
    ),
    "a bin that is none": ([*BASE, *run((0, 20, 50))], "bin"),
    "a slot without a video": ([*BASE, *run((4, 0, 50))], "unused slot"),
    "two viewers as one": ([*BASE, *run((2, 7, 10)), Row(0, 1, 0, 10)], "order"),
}


def viewer_at(position: int) -> dict[str, Any]:
    """What the viewer-day is besides its rows, if its first row is here."""
    return {
        "region": position % len(POLICY.regions),
        "provider": position // 2 % len(POLICY.providers),
        "startup_bin": position % STARTUP_BINS,
        "rebuffer_bin": position // 3 % REBUFFER_BINS,
        "first_of_week": position % 2 == 0,
        "first_of_month": position % 5 == 0,
        "at_peak": position % 4 != 0,
    }


def emitted(rows: Sequence[Row]) -> Solved:
    """The emitted circuit's witness of rows."""
    sums = add_up(rows, SHAPE, owners=OWNERS)
    counts = sums.stated = {name: [0] * size for name, size in stated_sizes(SHAPE).items()}
    viewer = viewer_at(0)
    for position, (row, is_new) in enumerate(zip(rows, new_creators(rows, OWNERS), strict=True)):
        viewer = viewer_at(position) if row.first else viewer
        if row.video < len(OWNERS):
            continent = CONTINENTS.index(continent_of(POLICY.regions[viewer["region"]]))
            place = OWNERS[row.video] * len(CONTINENTS) + continent
            counts["creator.continent"][place] += is_new
        if row.first:
            provider = viewer["provider"]
            counts["platform.first_of_month"][0] += viewer["first_of_month"]
            counts["platform.first_of_week"][0] += viewer["first_of_week"]
            counts["platform.peak_viewers"][0] += viewer["at_peak"]
            counts["provider.rebuffer"][provider * REBUFFER_BINS + viewer["rebuffer_bin"]] += 1
            counts["provider.startup"][provider * STARTUP_BINS + viewer["startup_bin"]] += 1
            counts["provider.viewers"][provider] += 1
            counts["region.viewers"][viewer["region"]] += 1
    return solve_main(SHAPE, arrays(rows), sums.totals(), X, listing=LISTING)


def noir_inputs(rows: Sequence[Row]) -> dict[str, Any]:
    """The same rows for Noir."""
    padding = [Row(1, SHAPE.videos, 0, 0)] * (SHAPE.rows - len(rows))
    videos = [name_of("video", video) for video in LISTING.video_ids]
    creators = [name_of("creator", creator) for creator in LISTING.creator_ids]
    return {
        "x": hex(X),
        "nonce": hex(NONCE),
        "salt": hex(SALT),
        "seed": hex(SEED.value),
        "seed_salt": hex(SEED.salt),
        "rows": [
            {**vars(row), "first": bool(row.first), **viewer_at(position)}
            for position, row in enumerate([*rows, *padding])
        ],
        "listing": {
            "video_names": [*map(hex, videos), "0x0"],
            "creator_names": [*map(hex, creators)],
            "owner": OWNERS,
            "video_used": [True] * len(videos) + [False],
            "creator_used": [True] * len(creators),
        },
    }


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """What Noir answers to all of them, by name."""
    folder = tmp_path_factory.mktemp("noir") / "reference"
    shutil.copytree(FOLDER, folder, ignore=shutil.ignore_patterns("node_modules"))
    (folder / "src" / "tables.nr").write_text(noir_tables())
    install = [*npm_command(), "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    subprocess.run(install, cwd=folder, check=True, capture_output=True, timeout=240)
    cases = HONEST | {name: rows for name, (rows, _) in LIES.items()}
    told = json.dumps([noir_inputs(rows) for rows in cases.values()])
    done = subprocess.run(
        [*node_command(), "run.mjs"],
        cwd=folder,
        check=True,
        capture_output=True,
        input=told.encode(),
        timeout=280,
    )
    return dict(zip(cases, json.loads(done.stdout.splitlines()[-1]), strict=True))


@pytest.mark.parametrize("case", HONEST)
def test_both_return_the_same(answers: dict[str, dict[str, Any]], case: str) -> None:
    """T and all three roots."""
    solved = emitted(HONEST[case])
    assert solved.violated() == set()
    _, figure_sum, _, *roots = solved.public
    returned = [int(element, 16) for element in answers[case]["returned"]]
    assert returned == [figure_sum, *roots]


@pytest.mark.parametrize("case", LIES)
def test_both_refuse(answers: dict[str, dict[str, Any]], case: str) -> None:
    """Noir fails on its assertion; the emitted circuit is violated."""
    rows, reason = LIES[case]
    assert answers[case] == {"failed": f"Circuit execution failed: {reason}"}
    assert emitted(rows).violated()
