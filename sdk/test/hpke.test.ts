import assert from "node:assert/strict";
import { test } from "node:test";
import { base64url, type Bytes } from "../src/bytes.js";
import { deriveContext, prepareSeal, sealFirst } from "../src/hpke.js";
import vector from "./rfc9180.json" with { type: "json" };

const bytes = (hex: string): Bytes => Uint8Array.from(Buffer.from(hex, "hex"));
const hex = (value: Uint8Array): string => Buffer.from(value).toString("hex");

async function keyPair(privateHex: string, publicHex: string): Promise<CryptoKeyPair> {
  const jwk = { kty: "OKP", crv: "X25519", x: base64url(bytes(publicHex)) };
  const load = (key: JsonWebKey, uses: KeyUsage[]) =>
    crypto.subtle.importKey("jwk", key, { name: "X25519" }, true, uses);
  return {
    publicKey: await load(jwk, []),
    privateKey: await load({ ...jwk, d: base64url(bytes(privateHex)) }, ["deriveBits"]),
  };
}

test("the key schedule and the ciphertext are those of RFC 9180 A.2.1", async () => {
  const ephemeral = await keyPair(vector.skEm, vector.pkEm);
  const context = await deriveContext(bytes(vector.pkRm), bytes(vector.info), ephemeral);
  assert.equal(hex(context.enc), vector.pkEm);
  assert.equal(hex(context.sharedSecret), vector.shared_secret);
  assert.equal(hex(context.key), vector.key);
  assert.equal(hex(context.baseNonce), vector.base_nonce);
  const sealed = sealFirst(context, bytes(vector.pt), bytes(vector.aad));
  assert.equal(hex(sealed), vector.pkEm + vector.ct);
});

test("a prepared seal works once and is fresh each time", async () => {
  const one = await prepareSeal(bytes(vector.pkRm), bytes(vector.info));
  const other = await prepareSeal(bytes(vector.pkRm), bytes(vector.info));
  assert.notEqual(hex(one(bytes("00"))), hex(other(bytes("00"))));
  assert.throws(() => one(bytes("01")), /one message only/);
});
