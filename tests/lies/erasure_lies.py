"""Lies about days whose raw data was destroyed: check 15."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

from analytics_pipeline.core.erasure import Erasures, Receipt, build_erasures
from tests.lies.cases import FIRST, SECOND, THIRD, Case, Lie, told
from tests.support.world import Lies, World, edit_json


def stated(make: Callable[[World, Erasures], Erasures]) -> Callable[[], Case]:
    """The operator puts something else into the erasures of a second release."""

    def tell() -> Case:
        world = World()
        world.publish(FIRST)
        world.publish(SECOND, lies=Lies(erasures=lambda honest: make(world, honest)))
        return Case(world.folder(SECOND, 1))

    return tell


def receipts(make: Callable[[World], list[Receipt]]) -> Callable[[], Case]:
    """These receipts, chained as they should be."""

    def chained(world: World, honest: Erasures) -> Erasures:
        previous, linked = honest.previous, []
        for receipt in make(world):
            linked.append(replace(receipt, previous=previous))
            previous = linked[-1].digest
        return build_erasures(world.platform, honest.previous, linked)

    return stated(chained)


def altered(world: World, honest: Erasures) -> Erasures:
    true = build_erasures(world.platform, honest.previous, [world.receipt(FIRST)])
    return replace(true, receipts=(replace(true.receipts[0], data_keys=1),))


def left_out(world: World, honest: Erasures) -> Erasures:
    hidden = world.receipt(FIRST)
    shown = replace(world.receipt(FIRST), previous=hidden.digest)
    return build_erasures(world.platform, honest.previous, [shown])


def begins_elsewhere() -> Case:
    world = World()
    world.publish(FIRST, lies=Lies(erasures=lambda e: build_erasures(e.platform, bytes(32))))
    return Case(world.folder(FIRST, 1))


def corrected_afterwards() -> Case:
    world = World()
    world.publish(FIRST)
    world.erase(FIRST)
    world.publish(SECOND)
    world.block += 400  # well over an hour
    world.publish(FIRST, 2)
    return Case(world.folder(SECOND, 1))


def corrected_beyond_the_calendar() -> Case:
    """A block's time may be any number; whoever reads of it must not stumble."""
    world = World()
    world.publish(FIRST)
    world.erase(FIRST)
    world.publish(SECOND)
    late = Lies(release=lambda record: replace(record, block_time=2**53 - 1))
    world.publish(FIRST, 2, late)
    return Case(world.folder(SECOND, 1))


def before_its_release(world: World) -> list[Receipt]:
    return [world.receipt(FIRST, erased_at=world.now - timedelta(hours=2))]


ERASURE_LIES: list[Lie] = [
    (
        "erasures.json with a member too many",
        told(erasures_bytes=lambda data: edit_json(data, lambda raw: raw.update(note="ok"))),
        15,
        "ErasuresMalformed",
    ),
    (
        "a receipt without members",
        told(erasures_bytes=lambda data: data.replace(b"[]", b"[{}]")),
        15,
        "ErasuresMalformed",
    ),
    (
        "erasures of another platform",
        told(erasures=lambda honest: replace(honest, platform="rival")),
        15,
        "WrongPlatform",
    ),
    (
        "a receipt of another platform",
        receipts(lambda world: [world.receipt(FIRST, platform="rival")]),
        15,
        "WrongPlatform",
    ),
    ("a receipt altered afterwards", stated(altered), 15, "ErasureChainBroken"),
    ("a receipt left out", stated(left_out), 15, "ErasureChainBroken"),
    ("a first release with a past", begins_elsewhere, 15, "ErasureChainBroken"),
    (
        "a receipt of a day never released",
        receipts(lambda world: [world.receipt(THIRD)]),
        15,
        "ErasureUnreleased",
    ),
    ("a receipt from before the release", receipts(before_its_release), 15, "ErasureUnreleased"),
    (
        "a receipt that names another manifest",
        receipts(lambda world: [world.receipt(FIRST, manifest_root=bytes(32))]),
        15,
        "ErasureMisstated",
    ),
    (
        "a receipt that names another revision",
        receipts(lambda world: [world.receipt(FIRST, revision=2)]),
        15,
        "ErasureMisstated",
    ),
    (
        "a receipt of the very day that is released",
        receipts(lambda world: [world.receipt(SECOND)]),
        15,
        "ErasedDayReleased",
    ),
    ("a correction after the receipt", corrected_afterwards, 15, "ErasedDayReleased"),
    ("a correction beyond the calendar", corrected_beyond_the_calendar, 15, "ErasedDayReleased"),
    (
        "a day erased twice",
        receipts(lambda world: [world.receipt(FIRST), world.receipt(FIRST)]),
        15,
        "ErasureRepeated",
    ),
    (
        "a receipt of tomorrow",
        receipts(lambda world: [world.receipt(FIRST, erased_at=world.now + timedelta(days=1))]),
        15,
        "ErasureFromFuture",
    ),
]
