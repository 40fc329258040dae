"""Merkle trees as in Certificate Transparency: RFC 6962 section 2.1, RFC 9162 section 2.1.

    leaf = SHA-256(0x00 ‖ data)        node = SHA-256(0x01 ‖ left ‖ right)

A tree of n > 1 leaves splits at the largest power of two below n; no leaf is ever doubled or
padded, and leaves cannot pass for nodes. Belongs here: roots and inclusion proofs over bytes.
"""

import hashlib
from collections.abc import Sequence

EMPTY_ROOT = hashlib.sha256(b"").digest()


def leaf_hash(data: bytes) -> bytes:
    """Hash of one leaf."""
    return hashlib.sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash of an inner node."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def root(leaves: Sequence[bytes]) -> bytes:
    """Merkle tree hash of the leaves' data, in order. 32 bytes."""
    level = [leaf_hash(leaf) for leaf in leaves]
    if not level:
        return EMPTY_ROOT
    while len(level) > 1:
        level = _next_level(level)
    return level[0]


class Tree:
    """All nodes of a tree, for many inclusion proofs from one hashing; 64 bytes a leaf."""

    def __init__(self, leaves: Sequence[bytes]) -> None:
        self.size = len(leaves)
        level = [leaf_hash(leaf) for leaf in leaves]
        self._levels = []
        while len(level) > 1:
            self._levels.append(b"".join(level))
            level = _next_level(level)
        self.root = level[0] if level else EMPTY_ROOT

    def inclusion_proof(self, index: int) -> list[bytes]:
        """Siblings from leaf `index` up to the root (RFC 6962 section 2.1.1).

        Raises:
            IndexError: there is no such leaf.
        """
        if not 0 <= index < self.size:
            raise IndexError(f"leaf {index} of {self.size}")
        proof = []
        for level in self._levels:
            start = 32 * (index ^ 1)
            if start < len(level):
                proof.append(level[start : start + 32])
            index //= 2
        return proof


def inclusion_proof(leaves: Sequence[bytes], index: int) -> list[bytes]:
    """Siblings from leaf `index` up to the root; of many leaves, see `Tree`.

    Raises:
        IndexError: there is no such leaf.
    """
    return Tree(leaves).inclusion_proof(index)


def verify_inclusion(
    data: bytes, index: int, size: int, proof: Sequence[bytes], expected_root: bytes
) -> bool:
    """Whether `data` is leaf `index` of a tree of `size` leaves with that root.

    The algorithm of RFC 9162 section 2.1.3.2, step by step; the contract's `verifyRow` is the same.
    """
    if not 0 <= index < size:
        return False
    node, last, running = index, size - 1, leaf_hash(data)
    for sibling in proof:
        if last == 0 or len(sibling) != 32:
            return False
        if node & 1 or node == last:
            running = node_hash(sibling, running)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            running = node_hash(running, sibling)
        node, last = node >> 1, last >> 1
    return last == 0 and running == expected_root


def _next_level(level: list[bytes]) -> list[bytes]:
    """Pair neighbours; an odd one out moves up. Equal to RFC 6962's recursive split."""
    paired = [node_hash(a, b) for a, b in zip(level[::2], level[1::2], strict=False)]
    return paired + level[len(level) & ~1 :]
