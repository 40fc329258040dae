/** Small byte helpers. Belongs here: pure conversions. Does not belong here: anything with keys. */
export type Bytes = Uint8Array<ArrayBuffer>;
export declare function utf8(text: string): Bytes;
export declare function concat(...parts: Uint8Array[]): Bytes;
/** Two bytes, big-endian (I2OSP(n, 2) of RFC 8017). */
export declare function uint16(value: number): Bytes;
/** RFC 4648 section 5, without padding. */
export declare function base64url(bytes: Uint8Array): string;
/** Accepts base64url and plain base64, padded or not. Throws on anything else. */
export declare function fromBase64url(text: string): Bytes;
/** 128 random bits, for a session or batch id. */
export declare function randomId(): string;
