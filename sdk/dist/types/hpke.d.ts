import { type Bytes } from "./bytes.js";
export interface Context {
    enc: Bytes;
    sharedSecret: Bytes;
    key: Bytes;
    baseNonce: Bytes;
}
/**
 * Encap and KeySchedule, RFC 9180 sections 4.1 and 5.1.
 *
 * @param ephemeral the sender's key pair; tests pass the one of the RFC, everybody else a new one.
 */
export declare function deriveContext(recipient: Bytes, info: Bytes, ephemeral: CryptoKeyPair): Promise<Context>;
/** The first and only message of a context: enc ‖ ciphertext. Synchronous. */
export declare function sealFirst(context: Context, plaintext: Bytes, aad?: Bytes): Bytes;
/** A synchronous seal for one message to `recipient`; calling it twice throws. */
export declare function prepareSeal(recipient: Bytes, info: Bytes): Promise<(plaintext: Bytes) => Bytes>;
