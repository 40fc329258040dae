// Where published files come from: this API, or a trustless IPFS gateway of the visitor's choice.
// Either can withhold a file; neither can change one, for bytes are held against the CID on record.
import { sha256 } from "@noble/hashes/sha2.js";

import { sameBytes } from "./bytes";
import { cidOfFile, isRaw, linksOf, parseCid } from "./cid";
import { Unavailable, VerificationFailed, type Lie } from "./errors";
import { request, type Fetcher } from "./net";

const MAX_FILE_BYTES = 64 * 1024 * 1024;
const MAX_BLOCK_BYTES = 2 * 1024 * 1024;
const MAX_BLOCKS = 200;

/** Which file of which release is wanted; a source may go by this or by the CID. */
export interface Wanted {
  cid: string;
  name: "report.json" | "policy.json";
  day: string;
  revision: number;
}

/** Bytes that claim to be a file. Throws Unavailable, and VerificationFailed for a false block. */
export interface ContentSource {
  /** in words, without secrets */
  name: string;
  fetch(wanted: Wanted): Promise<Uint8Array>;
}

/**
 * A file that has its CID.
 *
 * @param lie what it is called if a source offers other bytes
 */
export async function loadFile(source: ContentSource, wanted: Wanted, lie: Lie): Promise<Uint8Array> {
  if (!parseCid(wanted.cid)) throw new VerificationFailed(lie, "the CID of a file", wanted.cid);
  let bytes: Uint8Array;
  try {
    bytes = await source.fetch(wanted);
  } catch (error) {
    if (error instanceof FalseBlock) {
      throw new VerificationFailed(lie, `block ${error.cid}`, "other bytes under its name");
    }
    if (error instanceof Unavailable) throw error;
    throw new Unavailable("ContentUnavailable", error instanceof Error ? error.message : "no answer");
  }
  const cid = cidOfFile(bytes);
  if (cid !== wanted.cid) throw new VerificationFailed(lie, `${wanted.name} ${wanted.cid}`, cid);
  return bytes;
}

/** The bundle's files as the API gives them. */
export function apiSource(name: string, load: (path: string) => Promise<Uint8Array>): ContentSource {
  return {
    name,
    fetch: ({ day, revision, name: file }) =>
      load(`/api/v1/days/${day}/revisions/${revision}/bundle/${file}`),
  };
}

/** A gateway that gives single blocks, `/ipfs/<cid>?format=raw`; each is held against its CID. */
export function gatewaySource(url: string, fetcher?: Fetcher): ContentSource {
  const base = url.replace(/\/+$/, "");
  const block = async (cid: string): Promise<Uint8Array> => {
    const init = { headers: { Accept: "application/vnd.ipld.raw" } };
    const reply = await request(`${base}/ipfs/${cid}?format=raw`, init, MAX_BLOCK_BYTES, fetcher).catch(
      (error: Error) => {
        throw new Unavailable("ContentUnavailable", error.message);
      },
    );
    if (!reply.ok) {
      throw new Unavailable("ContentUnavailable", `block ${cid}: HTTP ${reply.status}`);
    }
    const digest = parseCid(cid)?.digest;
    if (!digest || !sameBytes(sha256(reply.bytes), digest)) throw new FalseBlock(cid);
    return reply.bytes;
  };
  return { name: `gateway ${new URL(base).host}`, fetch: ({ cid }) => readTree(cid, block) };
}

/** A file from its blocks, children in order. What the tree says of itself is not believed. */
async function readTree(
  root: string,
  block: (cid: string) => Promise<Uint8Array>,
): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  const waiting = [root];
  let [size, blocks] = [0, 0];
  for (let cid = waiting.pop(); cid !== undefined; cid = waiting.pop()) {
    if (++blocks > MAX_BLOCKS) throw new Unavailable("ContentUnavailable", `${root}: too many blocks`);
    const bytes = await block(cid);
    if (isRaw(cid)) {
      chunks.push(bytes);
      size += bytes.length;
    } else {
      waiting.push(...childrenOf(cid, bytes).reverse());
    }
    if (size > MAX_FILE_BYTES) throw new Unavailable("ContentUnavailable", `${root}: too large`);
  }
  const whole = new Uint8Array(size);
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.length;
  }
  return whole;
}

function childrenOf(cid: string, bytes: Uint8Array): string[] {
  try {
    return linksOf(bytes);
  } catch {
    throw new FalseBlock(cid);
  }
}

class FalseBlock extends Error {
  constructor(readonly cid: string) {
    super(cid);
  }
}
