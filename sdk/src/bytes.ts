/** Small byte helpers. Belongs here: pure conversions. Does not belong here: anything with keys. */

export type Bytes = Uint8Array<ArrayBuffer>;

const encoder = new TextEncoder();

export function utf8(text: string): Bytes {
  return encoder.encode(text) as Bytes;
}

export function concat(...parts: Uint8Array[]): Bytes {
  const joined = new Uint8Array(parts.reduce((total, part) => total + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    joined.set(part, offset);
    offset += part.length;
  }
  return joined;
}

/** Two bytes, big-endian (I2OSP(n, 2) of RFC 8017). */
export function uint16(value: number): Bytes {
  return new Uint8Array([value >> 8, value & 255]);
}

/** RFC 4648 section 5, without padding. */
export function base64url(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replaceAll("=", "");
}

/** Accepts base64url and plain base64, padded or not. Throws on anything else. */
export function fromBase64url(text: string): Bytes {
  const plain = text.replaceAll("-", "+").replaceAll("_", "/");
  return Uint8Array.from(atob(plain), (char) => char.charCodeAt(0));
}

/** 128 random bits, for a session or batch id. */
export function randomId(): string {
  return base64url(crypto.getRandomValues(new Uint8Array(16)));
}
