// The figures to show, and the question to ask about each. Belongs here: asking the API, whose every
// answer is held against chain and CID before it counts for anything.
import type { Figure, Page, Platform } from "../api/types";
import { request } from "../verify/net";
import {
  apiSource,
  Evidence,
  gatewaySource,
  hostOf,
  openRpc,
  type InclusionProof,
  type Question,
} from "../verify/index";
import type { EmbedOptions } from "./options";

const MAX_BYTES = 64 * 1024 * 1024;
const MS_PER_DAY = 86_400_000;

export interface Subject {
  /** oldest first */
  figures: Figure[];
  question: (figure: Figure) => Question;
  evidence: Evidence;
  /** who said which registry to ask */
  named: "page" | "server";
  node: string;
}

async function load(options: EmbedOptions, path: string): Promise<Uint8Array> {
  const reply = await request(options.api + path, {}, MAX_BYTES);
  if (!reply.ok) throw new Error(`${hostOf(options.api)}: HTTP ${reply.status}`);
  return reply.bytes;
}

async function get<Answer>(options: EmbedOptions, path: string): Promise<Answer> {
  return JSON.parse(new TextDecoder().decode(await load(options, path))) as Answer;
}

/** What the API answers for the host page's options. Throws an Error in words for readers. */
export async function loadSubject(options: EmbedOptions): Promise<Subject> {
  const platform = await get<Platform>(options, "/api/v1/platform");
  const registry = options.registry || platform.registry;
  const chainId = options.chainId ?? platform.chain_id;
  const rpc = options.rpc || platform.rpc_urls[0];
  if (!registry || chainId === null) throw new Error("no registry is named");
  if (!rpc) throw new Error("no JSON-RPC endpoint is named");
  if (!platform.last_day) throw new Error("nothing is released yet");
  const node = new URL(rpc, options.api).href;
  const content = options.gateway
    ? gatewaySource(options.gateway)
    : apiSource(hostOf(options.api), (path) => load(options, path));
  const place = { platform: options.platform, chainId, registry };
  const evidence = new Evidence(place, openRpc(node), content);
  return {
    figures: await loadFigures(options, platform.last_day),
    question: (figure) => ({
      figure,
      evidence,
      superseded: false,
      proof: async () => figure.proof as InclusionProof,
    }),
    evidence,
    named: options.registry && options.chainId !== null ? "page" : "server",
    node: hostOf(node),
  };
}

export const dayBefore = (day: string, days: number): string =>
  new Date(Date.parse(day) - days * MS_PER_DAY).toISOString().slice(0, 10);

/**
 * Figures of the newest days, one of each; whatever else the server sends in their place is dropped,
 * a day that it sends twice too: days are counted, and another one could be missing.
 */
async function loadFigures(options: EmbedOptions, lastDay: string): Promise<Figure[]> {
  const { scope, key, metric, days } = options;
  const first = dayBefore(lastDay, days - 1);
  const query = new URLSearchParams({
    scope, ...(key && { key }), metric, from: first, to: lastDay, limit: "100",
  });
  const { data } = await get<Page<Figure>>(options, `/api/v1/figures?${query}`);
  const asked = data.filter((figure) =>
    figure.scope === scope && figure.key === key && figure.metric === metric && figure.day >= first);
  if (asked.length === 0) throw new Error("no such figure is released");
  const byDay = new Map(asked.map((figure) => [figure.day, figure]));
  return [...byDay.values()].sort((a, b) => (a.day < b.day ? -1 : 1));
}
