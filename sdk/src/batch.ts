/**
 * One upload: header ‖ HPKE ciphertext; `analytics_pipeline/core/batch.py` is the definition.
 * Belongs here: the frame. Does not belong here: queues, retries, the network (`sender`).
 */
import { type Bytes, concat, randomId, uint16, utf8 } from "./bytes.js";
import type { PlayerEvent } from "./event.js";
import { prepareSeal } from "./hpke.js";

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

export async function prepareEnvelope(to: Recipient): Promise<Envelope> {
  const batchId = randomId();
  const info = utf8(`viewership-batch/1\n${to.projectId}\n${to.keyId}\n${batchId}`);
  const seal = await prepareSeal(to.publicKey, info);
  const header = utf8(
    JSON.stringify({
      v: 1,
      project: to.projectId,
      key_id: to.keyId,
      batch_id: batchId,
      api_key: to.apiKey,
    }),
  );
  return {
    batchId,
    fill: (events) =>
      concat(uint16(header.length), header, seal(utf8(JSON.stringify({ v: 1, events })))),
  };
}
