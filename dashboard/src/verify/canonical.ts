// Canonical JSON (RFC 8785): one value, one sequence of bytes. Belongs here: encoding, and a parser
// that accepts canonical bytes only, as core/canonical.py does.
import canonicalize from "canonicalize";

import { sameBytes, utf8 } from "./bytes";

/** Canonical UTF-8 bytes of a JSON value. Throws for what JSON cannot carry (NaN, lone surrogates). */
export function encode(value: unknown): Uint8Array {
  const text = canonicalize(value);
  if (text === undefined) throw new TypeError("not a JSON value");
  return utf8(text);
}

/** Decodes bytes that are exactly `encode` of what they mean. Throws for every other spelling. */
export function parse(bytes: Uint8Array): unknown {
  // A byte order mark stays, and is no JSON.
  const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  const value: unknown = JSON.parse(text, (_name, item: unknown) => {
    // From 1e21 on a number is written with an exponent, and no integer in this project's sense.
    if (Number.isInteger(item) && !Number.isSafeInteger(item) && Math.abs(item as number) < 1e21) {
      throw new RangeError("an integer beyond 2^53 - 1");
    }
    return item;
  });
  if (!sameBytes(encode(value), bytes)) throw new SyntaxError("not canonical JSON (RFC 8785)");
  return value;
}

/** The value itself if it is an object with exactly these members. Throws a TypeError. */
export function withMembers(value: unknown, members: readonly string[]): Record<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new TypeError("not an object");
  }
  const names = Object.keys(value).sort();
  if (names.join() !== [...members].sort().join()) {
    throw new TypeError(`has the members ${names.join(", ")}`);
  }
  return value as Record<string, unknown>;
}
