// Content identifiers and the files they name: CIDv1, sha2-256, UnixFS in the profile
// `unixfs-v1-2025` (core/cid.py, core/unixfs.py). Content and CID determine each other, so bytes are
// checked by naming them again; of nodes met on the way nothing but their links is believed.
import { sha256 } from "@noble/hashes/sha2.js";

import { concatBytes, utf8 } from "./bytes";

const RAW = 0x55;
const DAG_PB = 0x70;
const CHUNK_BYTES = 1024 * 1024;
const MAX_LINKS = 1024;
const CID_CHARACTERS = 59;
const DIGITS = "abcdefghijklmnopqrstuvwxyz234567";

/** Multibase base32 of a binary CID. */
export function cidText(raw: Uint8Array): string {
  let [text, bits, value] = ["b", 0, 0];
  for (const byte of raw) {
    value = ((value << 8) | byte) & 0xffff;
    for (bits += 8; bits >= 5; bits -= 5) text += DIGITS[(value >> (bits - 5)) & 31];
  }
  return bits ? text + DIGITS[(value << (5 - bits)) & 31] : text;
}

/** Bytes of multibase base32, however many; what does not come from `cidText` gives other bytes. */
export function cidBytes(text: string): Uint8Array {
  const raw = new Uint8Array(Math.floor(((text.length - 1) * 5) / 8));
  let [at, bits, value] = [0, 0, 0];
  for (const character of text.slice(1)) {
    value = ((value << 5) | DIGITS.indexOf(character)) & 0xfff;
    bits += 5;
    if (bits >= 8) raw[at++] = (value >> (bits -= 8)) & 255;
  }
  return raw;
}

/** A CID this project uses, taken apart; null for anything else. */
export function parseCid(text: string): { codec: number; digest: Uint8Array } | null {
  if (text.length !== CID_CHARACTERS) return null;
  const raw = cidBytes(text);
  const [version, codec = 0, hash, length] = raw;
  if (version !== 1 || hash !== 0x12 || length !== 32 || cidText(raw) !== text) return null;
  return codec === RAW || codec === DAG_PB ? { codec, digest: raw.slice(4) } : null;
}

const cidRaw = (codec: number, digest: Uint8Array): Uint8Array =>
  concatBytes(Uint8Array.of(1, codec, 0x12, 32), digest);

/** The CID of one raw block with this SHA-256: of a file of at most 1 MiB. */
export const cidOfDigest = (digest: Uint8Array): string => cidText(cidRaw(RAW, digest));

/** The CID of a file. */
export function cidOfFile(bytes: Uint8Array): string {
  let depth = 0;
  while (bytes.length > CHUNK_BYTES * MAX_LINKS ** depth) depth++;
  return cidText(treeOf(bytes, depth).cid);
}

/** Whether a file's root block holds the file itself. */
export const isRaw = (cid: string): boolean => parseCid(cid)?.codec === RAW;

interface Tree {
  cid: Uint8Array;
  contentBytes: number;
  /** of all blocks below it, and itself */
  totalBytes: number;
}

function treeOf(bytes: Uint8Array, depth: number): Tree {
  if (depth === 0) {
    const cid = cidRaw(RAW, sha256(bytes));
    return { cid, contentBytes: bytes.length, totalBytes: bytes.length };
  }
  const span = CHUNK_BYTES * MAX_LINKS ** (depth - 1);
  const children: Tree[] = [];
  for (let start = 0; start < bytes.length; start += span) {
    children.push(treeOf(bytes.subarray(start, start + span), depth - 1));
  }
  const links = children.map(({ cid, totalBytes }) =>
    field(0x12, concatBytes(field(0x0a, cid), field(0x12, utf8("")), numberField(0x18, totalBytes))),
  );
  const sizes = children.map(({ contentBytes }) => numberField(0x20, contentBytes));
  const data = concatBytes(Uint8Array.of(0x08, 2), numberField(0x18, bytes.length), ...sizes);
  const block = concatBytes(...links, field(0x0a, data));
  const below = children.reduce((sum, child) => sum + child.totalBytes, 0);
  return {
    cid: cidRaw(DAG_PB, sha256(block)),
    contentBytes: bytes.length,
    totalBytes: block.length + below,
  };
}

// ---- protobuf, as far as dag-pb needs it -------------------------------------------------------

function varint(value: number): Uint8Array {
  const bytes: number[] = [];
  for (; value > 0x7f; value = Math.floor(value / 128)) bytes.push((value % 128) | 0x80);
  return Uint8Array.from([...bytes, value]);
}

const numberField = (tag: number, value: number): Uint8Array =>
  concatBytes(Uint8Array.of(tag), varint(value));

const field = (tag: number, value: Uint8Array): Uint8Array =>
  concatBytes(Uint8Array.of(tag), varint(value.length), value);

/** Parts of a message that have this tag and bytes for a value. Throws a RangeError. */
function parts(message: Uint8Array, wanted: number): Uint8Array[] {
  const found: Uint8Array[] = [];
  let at = 0;
  const next = (): number => {
    let [value, factor, byte] = [0, 1, 0x80];
    for (; byte & 0x80; factor *= 128) {
      byte = message[at++] ?? NaN;
      value += (byte & 0x7f) * factor;
      if (Number.isNaN(byte) || !Number.isSafeInteger(value)) throw new RangeError("truncated");
    }
    return value;
  };
  while (at < message.length) {
    const tag = next();
    const value = next();
    if ((tag & 7) !== 2) continue;
    if (at + value > message.length) throw new RangeError("truncated");
    if (tag === wanted) found.push(message.subarray(at, at + value));
    at += value;
  }
  return found;
}

/** CIDs of a dag-pb block's children, in order. Throws a RangeError if it cannot be read. */
export const linksOf = (block: Uint8Array): string[] =>
  parts(block, 0x12).map((link) => cidText(parts(link, 0x0a)[0] ?? new Uint8Array()));
