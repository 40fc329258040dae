// Bytes, hexadecimal text, days. A hash is `0x` and lower-case hexadecimal everywhere.
import { bytesToHex, concatBytes, hexToBytes } from "@noble/hashes/utils.js";

export type Hex = `0x${string}`;

const MS_PER_DAY = 86_400_000;
/** 9999-12-31 */
const LAST_DAY = 2_932_896;

export { concatBytes };

export const toHex = (bytes: Uint8Array): Hex => `0x${bytesToHex(bytes)}`;

/** Inverse of `toHex`. Throws a TypeError. */
export function fromHex(text: string): Uint8Array {
  if (!/^0x([0-9a-fA-F]{2})*$/.test(text)) throw new TypeError("not hexadecimal data");
  return hexToBytes(text.slice(2));
}

export const isHash = (value: unknown): value is Hex =>
  typeof value === "string" && /^0x[0-9a-f]{64}$/.test(value);

export const sameBytes = (a: Uint8Array, b: Uint8Array): boolean =>
  a.length === b.length && a.every((byte, i) => byte === b[i]);

export const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);

/** Days since 1970-01-01 of a UTC day; NaN if it is none. */
export function dayNumber(day: string): number {
  const number = /^\d{4}-\d\d-\d\d$/.test(day) ? Date.parse(`${day}T00:00:00Z`) / MS_PER_DAY : NaN;
  return dayOf(number) === day ? number : NaN;
}

/** The UTC day of a number of days since 1970-01-01; null beyond the year 9999. */
export const dayOf = (number: number): string | null =>
  Number.isInteger(number) && number >= 0 && number <= LAST_DAY
    ? new Date(number * MS_PER_DAY).toISOString().slice(0, 10)
    : null;
