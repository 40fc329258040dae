/**
 * One upload: header ‖ HPKE ciphertext; `analytics_pipeline/core/batch.py` is the definition.
 * Belongs here: the frame. Does not belong here: queues, retries, the network (`sender`).
 */
import { type Bytes } from "./bytes.js";
import type { PlayerEvent } from "./event.js";
/** Where batches go and to whom they are sealed. */
export interface Recipient {
    projectId: string;
    apiKey: string;
    keyId: string;
    publicKey: Bytes;
}
/** An addressed, still empty upload: filling it is synchronous and works once. */
export interface Envelope {
    batchId: string;
    fill(events: PlayerEvent[]): Bytes;
}
export declare function prepareEnvelope(to: Recipient): Promise<Envelope>;
