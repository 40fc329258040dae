// What the registry holds about a platform, read from a node that the visitor chose. The node is
// believed about the head alone: its events must hash, record by record, to that head.
import { fromHex, type Hex } from "./bytes";
import { Unavailable, VerificationFailed } from "./errors";
import {
  COMMITTED,
  genesis,
  headAfter,
  platformId,
  recordOf,
  RELEASED,
  selector,
  word,
  Words,
  type ChainRecord,
} from "./records";
import { answered, call, quantity, readLogs, type Ask } from "./rpc";

/** Chain id of the embedded development chain: whoever holds its file can rewrite it. */
export const DEVELOPMENT_CHAIN_ID = 131277322940537;

const ATTEMPTS = 3;
const PAUSE_MS = 400;

/** Which registry speaks for a platform. */
export interface Place {
  platform: string;
  chainId: number;
  registry: string;
}

export interface History {
  records: ChainRecord[];
  head: Hex;
  /** the block as of which it is the whole history */
  block: number;
}

/**
 * All records of a platform, hashed from genesis to the registry's head at the same block.
 *
 * @param pauseMs before a node whose events and head disagree is asked again
 *
 * Throws VerificationFailed (WrongChain, RecordNotOnChain, HistoryBroken, HeadMismatch), Unavailable.
 */
export async function readHistory(ask: Ask, place: Place, pauseMs = PAUSE_MS): Promise<History> {
  if (!/^0x[0-9a-fA-F]{40}$/.test(place.registry)) {
    throw new VerificationFailed("RecordNotOnChain", "a registry's address", place.registry);
  }
  const chainId = quantity(await answered(ask, "eth_chainId", []), "eth_chainId");
  if (chainId !== place.chainId) {
    throw new VerificationFailed("WrongChain", `chain ${place.chainId}`, `chain ${chainId}`);
  }
  for (let left = ATTEMPTS - 1; ; left--) {
    try {
      return await readOnce(ask, place);
    } catch (error) {
      // A block may have vanished in between, or the next node of a balanced endpoint lags behind.
      if (left === 0 || !(error instanceof VerificationFailed)) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
}

async function readOnce(ask: Ask, place: Place): Promise<History> {
  const block = quantity(await answered(ask, "eth_blockNumber", []), "eth_blockNumber");
  const view = viewer(ask, place, block);
  const deployedAt = (await view("deployedAt()")).number(0);
  const id = platformId(place.platform);
  const topics = [[COMMITTED, RELEASED], id];
  const logs = await readLogs(ask, place.registry, topics, deployedAt, block);
  let head = genesis(place.chainId, place.registry, place.platform);
  const records: ChainRecord[] = [];
  for (const log of logs) {
    const topic = log.topics[0] ?? "";
    if (topic !== COMMITTED && topic !== RELEASED) continue;
    const record = parseRecord(topic, log.data, log.blockNumber);
    head = headAfter(head, record);
    if (log.topics[3] !== head) {
      const what = `record ${records.length + 1}, in block ${log.blockNumber}`;
      throw new VerificationFailed("HistoryBroken", `${what}, to lead to ${head}`, `${log.topics[3]}`);
    }
    records.push(record);
  }
  const stored = (await view("headOf(bytes32)", word(id))).hash(0);
  if (records.length === 0 && /^0x0+$/.test(stored)) {
    throw new VerificationFailed("RecordNotOnChain", `records of ${place.platform}`, "none");
  }
  if (stored !== head) {
    throw new VerificationFailed("HeadMismatch", `the registry's head ${stored}`, `head ${head}`);
  }
  return { records, head, block };
}

function parseRecord(topic: string, data: string, block: number): ChainRecord {
  try {
    return recordOf(topic, data);
  } catch (error) {
    throw new VerificationFailed("HistoryBroken", `a record in block ${block}`, String(error));
  }
}

/** Asks the registry's view functions as of a block. */
function viewer(ask: Ask, { registry, chainId }: Place, block: number) {
  return async (signature: string, parameters = ""): Promise<Words> => {
    const answer = await call(ask, registry, selector(signature) + parameters, block);
    if (answer.length < 66) {
      const expected = `a registry at ${registry} on chain ${chainId}`;
      throw new VerificationFailed("RecordNotOnChain", expected, `no answer to ${signature}`);
    }
    return new Words(answer);
  };
}

/** Whether the registry demanded a proof of what it recorded at a time: a verifier counted before. */
export async function demandedProof(
  ask: Ask,
  place: Place,
  history: History,
  blockTime: number,
): Promise<boolean> {
  const view = viewer(ask, place, history.block);
  const count = (await view("verifierCount()")).number(0);
  for (let index = count - 1; index >= 0; index--) {
    const countsFrom = (await view("verifierAt(uint256)", word(index))).number(1);
    if (countsFrom < blockTime) return true;
  }
  return false;
}

/** Randomness (prevrandao) in the header of a block, as the node tells it. */
export async function randomnessOf(ask: Ask, block: number): Promise<string> {
  const method = "eth_getBlockByNumber";
  const found = await answered(ask, method, [`0x${block.toString(16)}`, false]);
  const mixHash = (found as { mixHash?: unknown } | null)?.mixHash;
  if (typeof mixHash !== "string" || fromHexOrEmpty(mixHash).length !== 32) {
    throw new Unavailable("ChainError", `${method}: the node has no block ${block}`);
  }
  return mixHash.toLowerCase();
}

function fromHexOrEmpty(text: string): Uint8Array {
  try {
    return fromHex(text);
  } catch {
    return new Uint8Array();
  }
}
