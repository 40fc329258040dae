"""Altering a deployment's files the way somebody with access to them would, and taking it back."""

import base64
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.support.home_copy import HomeCopy

#: Takes a lie back.
Undo = Callable[[], object]


def flip(path: Path) -> Undo:
    """Flip one bit in the middle of a file."""

    def turn() -> None:
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        path.chmod(0o600)
        path.write_bytes(content)

    turn()
    return turn


def replaced(path: Path, content: bytes) -> Undo:
    """Put other content into a file."""
    before = path.read_bytes()
    path.write_bytes(content)
    return lambda: path.write_bytes(before)


def moved(path: Path) -> Undo:
    """Take a file away."""
    aside = path.with_name(f"{path.name}.aside")
    path.rename(aside)

    def put_back() -> None:
        for left in path.parent.glob(f"{path.name}-*"):
            left.unlink()
        aside.replace(path)

    return put_back


def other_secret(path: Path) -> Undo:
    """Put another key of the same kind into a key file."""
    document = json.loads(path.read_bytes())
    document["secret"] = base64.b64encode(os.urandom(32)).decode()
    return replaced(path, json.dumps(document).encode())


def private(copy: HomeCopy, folder: str) -> Path:
    """The one private key of a kind."""
    [path] = (copy.home / "keys" / "private" / folder).glob("*.json")
    return path


def rows_removed(copy: HomeCopy, table: str, where: str) -> Undo:
    """Delete rows of the catalogue."""
    rows = copy.sql(f"SELECT * FROM {table} WHERE {where}")
    assert rows
    copy.sql(f"DELETE FROM {table} WHERE {where}")
    marks = ", ".join("?" * len(rows[0]))
    return lambda: [copy.sql(f"INSERT INTO {table} VALUES ({marks})", *row) for row in rows]


def column_set(copy: HomeCopy, table: str, column: str, value: Any, where: str) -> Undo:
    """Overwrite one value of the catalogue."""
    [(before,)] = copy.sql(f"SELECT {column} FROM {table} WHERE {where}")
    assert before != value
    copy.sql(f"UPDATE {table} SET {column} = ? WHERE {where}", value)
    return lambda: copy.sql(f"UPDATE {table} SET {column} = ? WHERE {where}", before)
