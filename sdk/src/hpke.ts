/**
 * HPKE base mode (RFC 9180), sender side, one suite:
 * DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, ChaCha20-Poly1305, no additional data.
 *
 * The work is split in two, because a page that is being closed can no longer await anything:
 * `prepareSeal` does the key agreement ahead of time with WebCrypto (asynchronous), and the function
 * it returns seals synchronously. Each prepared seal works once: the nonce never changes, so a
 * second message under the same context would give both away.
 */
import { chacha20poly1305 } from "@noble/ciphers/chacha.js";
import { type Bytes, concat, uint16, utf8 } from "./bytes.js";

const VERSION = utf8("HPKE-v1");
const KEM_SUITE = concat(utf8("KEM"), uint16(0x0020));
const HPKE_SUITE = concat(utf8("HPKE"), uint16(0x0020), uint16(0x0001), uint16(0x0003));
const MODE_BASE = new Uint8Array([0]);
const EMPTY = new Uint8Array(0);
const X25519 = { name: "X25519" };

export interface Context {
  enc: Bytes;
  sharedSecret: Bytes;
  key: Bytes;
  baseNonce: Bytes;
}

async function hmac(key: Bytes, message: Bytes): Promise<Bytes> {
  const algorithm = { name: "HMAC", hash: "SHA-256" };
  // HMAC pads keys with zeros, so 32 zeros stand for the empty salt, which WebCrypto refuses.
  const raw = key.length ? key : new Uint8Array(32);
  const imported = await crypto.subtle.importKey("raw", raw, algorithm, false, ["sign"]);
  return new Uint8Array(await crypto.subtle.sign("HMAC", imported, message));
}

/** LabeledExtract, RFC 9180 section 4. */
function extract(suite: Bytes, salt: Bytes, label: string, secret: Bytes): Promise<Bytes> {
  return hmac(salt, concat(VERSION, suite, utf8(label), secret));
}

/** LabeledExpand, RFC 9180 section 4, for at most one hash block (32 bytes). */
async function expand(
  suite: Bytes,
  key: Bytes,
  label: string,
  info: Bytes,
  length: number,
): Promise<Bytes> {
  const labeled = concat(uint16(length), VERSION, suite, utf8(label), info, new Uint8Array([1]));
  return (await hmac(key, labeled)).slice(0, length);
}

/**
 * Encap and KeySchedule, RFC 9180 sections 4.1 and 5.1.
 *
 * @param ephemeral the sender's key pair; tests pass the one of the RFC, everybody else a new one.
 */
export async function deriveContext(
  recipient: Bytes,
  info: Bytes,
  ephemeral: CryptoKeyPair,
): Promise<Context> {
  const publicKey = await crypto.subtle.importKey("raw", recipient, X25519, false, []);
  const agreement = { name: "X25519", public: publicKey };
  const dh = new Uint8Array(await crypto.subtle.deriveBits(agreement, ephemeral.privateKey, 256));
  const enc = new Uint8Array(await crypto.subtle.exportKey("raw", ephemeral.publicKey));

  const eaePrk = await extract(KEM_SUITE, EMPTY, "eae_prk", dh);
  const kemContext = concat(enc, recipient);
  const sharedSecret = await expand(KEM_SUITE, eaePrk, "shared_secret", kemContext, 32);

  const pskIdHash = await extract(HPKE_SUITE, EMPTY, "psk_id_hash", EMPTY);
  const infoHash = await extract(HPKE_SUITE, EMPTY, "info_hash", info);
  const scheduleContext = concat(MODE_BASE, pskIdHash, infoHash);
  const secret = await extract(HPKE_SUITE, sharedSecret, "secret", EMPTY);
  const key = await expand(HPKE_SUITE, secret, "key", scheduleContext, 32);
  const baseNonce = await expand(HPKE_SUITE, secret, "base_nonce", scheduleContext, 12);
  return { enc, sharedSecret, key, baseNonce };
}

/** The first and only message of a context: enc ‖ ciphertext. Synchronous. */
export function sealFirst(context: Context, plaintext: Bytes, aad?: Bytes): Bytes {
  const cipher = chacha20poly1305(context.key, context.baseNonce, aad);
  return concat(context.enc, cipher.encrypt(plaintext));
}

/** A synchronous seal for one message to `recipient`; calling it twice throws. */
export async function prepareSeal(
  recipient: Bytes,
  info: Bytes,
): Promise<(plaintext: Bytes) => Bytes> {
  const ephemeral = (await crypto.subtle.generateKey(X25519, false, [
    "deriveBits",
  ])) as CryptoKeyPair;
  let context: Context | null = await deriveContext(recipient, info, ephemeral);
  return (plaintext) => {
    if (!context) throw new Error("an HPKE context seals one message only");
    const sealed = sealFirst(context, plaintext);
    context = null;
    return sealed;
  };
}
