// An Ethereum node over JSON-RPC 2.0. Belongs here: asking, and what is no answer. What the answers
// mean is the registry's affair.
import { Unavailable } from "./errors";
import { hostOf, request, type Fetcher } from "./net";

const MAX_BYTES = 32 * 1024 * 1024;

/** One question to a node. Throws Unavailable, RpcRefused. */
export type Ask = (method: string, params: readonly unknown[]) => Promise<unknown>;

/** The node answered with an error object. */
export class RpcRefused extends Error {
  constructor(
    readonly code: number,
    message: string,
  ) {
    super(message);
    this.name = "RpcRefused";
  }
}

export interface Log {
  blockNumber: number;
  logIndex: number;
  topics: string[];
  data: string;
}

/** A node at a URL. */
export function openRpc(url: string, fetcher?: Fetcher): Ask {
  let id = 0;
  return async (method, params) => {
    const body = JSON.stringify({ jsonrpc: "2.0", id: ++id, method, params });
    const headers = { "Content-Type": "application/json" };
    const init = { method: "POST", headers, body };
    const reply = await request(url, init, MAX_BYTES, fetcher).catch((error: Error) => {
      throw new Unavailable("ChainUnreachable", `${method}: ${error.message}`);
    });
    let answer: unknown;
    try {
      answer = JSON.parse(new TextDecoder().decode(reply.bytes));
    } catch {
      answer = null;
    }
    if (typeof answer === "object" && answer !== null) {
      const { result, error } = answer as { result?: unknown; error?: unknown };
      if (typeof error === "object" && error !== null) {
        const { code, message } = error as { code?: unknown; message?: unknown };
        throw new RpcRefused(Number(code), String(message).slice(0, 200));
      }
      if (result !== undefined && reply.ok) return result;
    }
    const said = reply.ok ? "answers, but not as a JSON-RPC node" : `HTTP ${reply.status}`;
    throw new Unavailable("ChainError", `${method}: ${hostOf(url)}: ${said}`);
  };
}

/** A quantity such as 0x1b. Throws Unavailable. */
export function quantity(value: unknown, method: string): number {
  const number = typeof value === "string" && /^0x[0-9a-fA-F]+$/.test(value) ? Number(value) : NaN;
  if (!Number.isSafeInteger(number)) throw new Unavailable("ChainError", `${method}: no number`);
  return number;
}

/** An answer, or Unavailable with the node's words. */
export async function answered(ask: Ask, method: string, params: readonly unknown[]): Promise<unknown> {
  try {
    return await ask(method, params);
  } catch (error) {
    if (!(error instanceof RpcRefused)) throw error;
    throw new Unavailable("ChainError", `${method}: ${error.message}`);
  }
}

/** What a contract answers to a call as of a block; `0x` if there is none. Throws Unavailable. */
export async function call(ask: Ask, to: string, data: string, block: number): Promise<string> {
  const method = "eth_call";
  const answer = await answered(ask, method, [{ to, data }, `0x${block.toString(16)}`]);
  if (typeof answer !== "string" || !/^0x([0-9a-fA-F]{2})*$/.test(answer)) {
    throw new Unavailable("ChainError", `${method}: no data`);
  }
  return answer.toLowerCase();
}

/**
 * Events of a contract from block `first` to `last`, in order. Providers limit the range by blocks
 * (50 to 10,000) or by results: it is halved whenever one refuses.
 */
export async function readLogs(
  ask: Ask,
  address: string,
  topics: readonly unknown[],
  first: number,
  last: number,
): Promise<Log[]> {
  const found: Log[] = [];
  let span = Math.max(1, last - first + 1);
  while (first <= last) {
    const until = Math.min(first + span - 1, last);
    const [fromBlock, toBlock] = [first, until].map((block) => `0x${block.toString(16)}`);
    try {
      found.push(...parseLogs(await ask("eth_getLogs", [{ address, topics, fromBlock, toBlock }])));
      first = until + 1;
    } catch (error) {
      if (!(error instanceof RpcRefused)) throw error;
      if (until === first) throw new Unavailable("ChainError", `eth_getLogs: ${error.message}`);
      span = Math.floor((until - first + 1) / 2);
    }
  }
  return found.sort((a, b) => a.blockNumber - b.blockNumber || a.logIndex - b.logIndex);
}

function parseLogs(answer: unknown): Log[] {
  const method = "eth_getLogs";
  if (!Array.isArray(answer)) throw new Unavailable("ChainError", `${method}: no list`);
  return answer.map((log: Record<string, unknown> | null) => ({
    blockNumber: quantity(log?.blockNumber, method),
    logIndex: quantity(log?.logIndex, method),
    topics: Array.isArray(log?.topics) ? log.topics.map((t) => String(t).toLowerCase()) : [],
    data: String(log?.data).toLowerCase(),
  }));
}
