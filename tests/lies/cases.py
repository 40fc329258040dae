"""Ways to tell a lie: each makes a folder with one lie in it, and what an honest asker asks for."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from analytics_pipeline.core.record import Record
from tests.support.world import DAYS, Lies, World, edit_json, honest_world

FIRST, SECOND, THIRD = DAYS
#: What is lied about, how, the check that must notice, and the error's name.
Lie = tuple[str, Callable[[], "Case"], int, str]


@dataclass(frozen=True)
class Case:
    """A folder with one lie in it, and what an honest asker asks for."""

    folder: dict[str, bytes]
    question: dict[str, Any] = field(default_factory=dict)


def told(**lies: Any) -> Callable[[], Case]:
    """The operator tells the lie and publishes consistently with it."""

    def tell() -> Case:
        world = World()
        world.publish(FIRST)
        world.publish(SECOND, lies=Lies(**lies))
        return Case(world.folder(SECOND, 1))

    return tell


def edited(path: str, change: Callable[[Any], None]) -> Callable[[], Case]:
    """Somebody edits one file of an honest folder; nothing else is adapted."""

    def edit() -> Case:
        folder = honest_world().folder(SECOND, 2)
        return Case({**folder, path: edit_json(folder[path], change)})

    return edit


def chained(change: Callable[[list[Record]], list[Record]]) -> Callable[[], Case]:
    """Somebody rewrites the records of an honest history and chains them anew."""

    def rewrite() -> Case:
        world = honest_world()
        folder = world.folder(SECOND, 2)
        return Case({**folder, "chain.json": world.chain_file(change(list(world.records)))})

    return rewrite


def row_changed(position: int, **fields: Any) -> Callable[[Any], Any]:
    return lambda rows: [
        replace(row, **fields) if i == position else row for i, row in enumerate(rows)
    ]
