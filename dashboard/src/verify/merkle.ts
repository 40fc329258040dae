// Merkle trees as in Certificate Transparency (RFC 6962 section 2.1, RFC 9162 section 2.1):
//   leaf = SHA-256(0x00 ‖ data)        node = SHA-256(0x01 ‖ left ‖ right)
import { sha256 } from "@noble/hashes/sha2.js";

import { concatBytes } from "./bytes";

const LEAF = Uint8Array.of(0);
const NODE = Uint8Array.of(1);

export const leafHash = (data: Uint8Array): Uint8Array => sha256(concatBytes(LEAF, data));

const nodeHash = (left: Uint8Array, right: Uint8Array): Uint8Array =>
  sha256(concatBytes(NODE, left, right));

/** Merkle tree hash of the leaves' data, in order. */
export function rootOf(leaves: readonly Uint8Array[]): Uint8Array {
  let level = leaves.map(leafHash);
  if (level.length === 0) return sha256(new Uint8Array());
  while (level.length > 1) {
    const above: Uint8Array[] = [];
    // neighbours pair; an odd one out moves up
    for (let i = 0; i + 1 < level.length; i += 2) above.push(nodeHash(level[i]!, level[i + 1]!));
    if (level.length % 2) above.push(level.at(-1)!);
    level = above;
  }
  return level[0]!;
}

/**
 * The root that a leaf and its siblings lead to, by RFC 9162 section 2.1.3.2; null if these cannot
 * be the siblings of leaf `index` of `size`.
 */
export function rootOfPath(
  leaf: Uint8Array,
  index: number,
  size: number,
  siblings: readonly Uint8Array[],
): Uint8Array | null {
  if (!Number.isSafeInteger(index) || !Number.isSafeInteger(size) || index < 0 || index >= size) {
    return null;
  }
  let [node, last, running] = [index, size - 1, leafHash(leaf)];
  const up = (): void => {
    node = Math.floor(node / 2);
    last = Math.floor(last / 2);
  };
  for (const sibling of siblings) {
    if (last === 0 || sibling.length !== 32) return null;
    if (node % 2 || node === last) {
      running = nodeHash(sibling, running);
      while (node % 2 === 0 && node > 0) up();
    } else {
      running = nodeHash(running, sibling);
    }
    up();
  }
  return last === 0 ? running : null;
}
