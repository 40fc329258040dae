"""Every point between plan and record at which a run can be cut: before and after each thing that
is stored, and around each transaction that is signed, kept and sent."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from analytics_pipeline.defs.steps import bundles, commitments, proofs, records, reports
from analytics_pipeline.defs.stores import Stores

_STORING = (commitments, reports, proofs, bundles, records)


class Cut(BaseException):
    """A run ends here, and nothing of it may catch this."""


@contextmanager
def watched(stores: Stores, at: Callable[[str], None]) -> Iterator[None]:
    """Call ``at`` with the name of each boundary that the block comes to."""
    undo: list[tuple[Any, str, Any]] = []

    def wrap(owner: Any, name: str, label: Callable[..., str]) -> None:
        original = getattr(owner, name)

        def wrapped(*arguments: Any, **values: Any) -> Any:
            what = label(*arguments, **values)
            at(f"before {what}")
            result = original(*arguments, **values)
            at(f"after {what}")
            return result

        undo.append((owner, name, original))
        setattr(owner, name, wrapped)

    for module in _STORING:
        wrap(module, "store_release", lambda *_, **values: f"storing {', '.join(values)}")
    wrap(commitments, "plan_release", lambda *_, **__: "planning")
    wrap(type(stores.content), "pin", lambda *_, **__: "pinning")
    sender = stores.publisher._sender
    undo.append((sender, "on_step", sender.on_step))
    sender.on_step = lambda step: at(f"transaction {step}")
    try:
        yield
    finally:
        for owner, name, original in reversed(undo):
            setattr(owner, name, original)


def names_of(boundaries: Sequence[str]) -> list[str]:
    """Each boundary by a name of its own: the first ``transaction sent``, the second, …"""
    return [f"{name} {boundaries[: n + 1].count(name)}" for n, name in enumerate(boundaries)]


def cut_at(number: int) -> Callable[[str], None]:
    """An action that cuts the run at its ``number``-th boundary, counted from 0."""
    passed: list[str] = []

    def at(name: str) -> None:
        passed.append(name)
        if len(passed) == number + 1:
            raise Cut(name)

    return at
