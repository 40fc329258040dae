// The verifier against vectors that Python made (tests/support/verify_vectors.py): values of each
// format, an honest figure, and every lie about it.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import type { Figure } from "../src/api/types";
import { toHex, utf8 } from "../src/verify/bytes";
import { encode, parse } from "../src/verify/canonical";
import { cidOfFile } from "../src/verify/cid";
import { publishedEpsilon } from "../src/verify/epsilon";
import { Evidence, MEANINGS, STEPS, verifyFigure, type StepResult } from "../src/verify/index";
import { rootOf, rootOfPath } from "../src/verify/merkle";
import type { InclusionProof } from "../src/verify/question";
import { genesis, headAfter, type ChainRecord } from "../src/verify/records";
import { readHistory, type Place } from "../src/verify/registry";
import { ScriptedNode, type NodeState } from "./scripted_node";

interface Scenario {
  place: Place;
  figure: Figure;
  proof: InclusionProof;
  superseded: boolean;
  node: NodeState;
  files: Record<string, string>;
}

type Change = [string[]] | [string[], unknown];

const vectors = JSON.parse(readFileSync(process.env.VECTORS!, "utf8")) as {
  errors: Record<string, string>;
  canonical: string[];
  not_canonical: string[];
  merkle: { size: number; root: string; paths: string[][] }[];
  files: { size: number; cid: string }[];
  epsilon: { rho_nano: number; delta: number; epsilon: number }[];
  chain: { registry: string; platform: string; chain_id: number; head: string; records: ChainRecord[] };
  honest: Scenario;
  lies: { lie: string; step: string; error: string; changes: Change[] }[];
  later: { commits: number; changes: Change[] }[];
};

function changed(scenario: Scenario, changes: Change[]): Scenario {
  const copy = structuredClone(scenario);
  for (const [path, ...value] of changes) {
    const parent = path.slice(0, -1).reduce((at, name) => at[name], copy as any);
    if (value.length) parent[path.at(-1)!] = value[0];
    else delete parent[path.at(-1)!];
  }
  return copy;
}

/** All results of a verification; files come by their CID. */
async function verify(
  scenario: Scenario,
  node = new ScriptedNode(scenario.node),
  remembered?: Place,
): Promise<StepResult[]> {
  const content = {
    name: "the test",
    fetch: async ({ cid }: { cid: string }) => {
      const text = scenario.files[cid];
      if (text === undefined) throw new Error("HTTP 404");
      return utf8(text);
    },
  };
  const evidence = new Evidence(scenario.place, node.ask, content, { pauseMs: 0, remembered });
  const { figure, superseded } = scenario;
  const question = { figure, superseded, evidence, proof: async () => scenario.proof };
  const results: StepResult[] = [];
  for await (const result of verifyFigure(question)) results.push(result);
  return results;
}

test("canonical JSON is Python's, and every other spelling is refused", () => {
  for (const text of vectors.canonical) {
    assert.equal(new TextDecoder().decode(encode(parse(utf8(text)))), text);
  }
  for (const text of vectors.not_canonical) {
    assert.throws(() => parse(utf8(text)), undefined, JSON.stringify(text));
  }
  assert.throws(() => parse(Uint8Array.of(0x22, 0xff, 0x22)));
  assert.throws(() => encode(NaN));
  assert.throws(() => encode("\ud800"));
});

test("roots and inclusion paths of trees of all shapes", () => {
  for (const { size, root, paths } of vectors.merkle) {
    const leaves = Array.from({ length: size }, (_, at) => utf8(String(at)));
    assert.equal(toHex(rootOf(leaves)), root);
    paths.forEach((path, at) => {
      const siblings = path.map((sibling) => Buffer.from(sibling.slice(2), "hex"));
      assert.equal(toHex(rootOfPath(leaves[at]!, at, size, siblings)!), root);
      for (const index of [at + 1, at - 1, size, -1]) {
        const found = rootOfPath(leaves[at]!, index, size, siblings);
        assert.notEqual(found && toHex(found), root, `leaf ${at} as ${index} of ${size}`);
      }
    });
  }
});

test("files of one block and of many have Python's CIDs", () => {
  for (const { size, cid } of vectors.files) {
    assert.equal(cidOfFile(Uint8Array.from({ length: size }, (_, at) => (7 * at) % 251)), cid);
  }
});

test("epsilon is the published one", () => {
  for (const { rho_nano, delta, epsilon } of vectors.epsilon) {
    assert.equal(publishedEpsilon(rho_nano, delta), epsilon);
  }
});

test("records hash to the head of chain.json", () => {
  const { chain_id, registry, platform, records, head } = vectors.chain;
  assert.equal(records.reduce(headAfter, genesis(chain_id, registry, platform)), head);
});

test("events give the records of chain.json, however small the ranges", async () => {
  const lower = (record: ChainRecord) => ({ ...record, publisher: record.publisher.toLowerCase() });
  for (const most of [Infinity, 7, 1]) {
    const node = new ScriptedNode(vectors.honest.node, most);
    const { records, head } = await readHistory(node.ask, vectors.honest.place);
    assert.deepEqual(records, vectors.chain.records.map(lower));
    assert.equal(head, vectors.chain.head);
    assert.ok(most === Infinity ? node.refused === 0 : node.refused > 0);
  }
});

test("names and meanings of lies are those of core/verify_errors.py", () => {
  const { WrongChain, WrongRegistry, ...shared } = MEANINGS;
  assert.ok(WrongChain && WrongRegistry);
  for (const [name, meaning] of Object.entries(shared)) assert.equal(meaning, vectors.errors[name]);
});

test("the honest figure passes every step, and its proof is left to the registry", async () => {
  const results = await verify(vectors.honest);
  assert.deepEqual(results.map(({ id }) => id), STEPS.map(({ id }) => id));
  assert.deepEqual(results.map(({ state }) => state), [...Array(7).fill("passed"), "trusted"]);
  assert.match(results[7]!.notes[0]!, /the registry's verifier contract accepted it/);
  assert.ok(results.slice(0, 7).every(({ compared }) => compared.length > 0));
});

test("a registry without a verifier vouches for no proof", async () => {
  for (const verifiers of [[], [2_000_000_000]]) {
    const results = await verify({ ...vectors.honest, node: { ...vectors.honest.node, verifiers } });
    assert.match(results[7]!.notes[0]!, /the registry demanded none/);
  }
});

test("an older revision verifies where the page names it as such, and says what is newest", async () => {
  const { changes } = vectors.lies.find(({ error }) => error === "Superseded")!;
  const results = await verify({ ...changed(vectors.honest, changes), superseded: true });
  assert.deepEqual(results.map(({ state }) => state), [...Array(7).fill("passed"), "trusted"]);
  assert.match(results[2]!.notes.join(), /newest release of the day is revision 2/);
});

test("commits after the day's last release change nothing, and are said", async () => {
  for (const { commits, changes } of vectors.later) {
    const results = await verify(changed(vectors.honest, changes));
    assert.deepEqual(results.map(({ state }) => state), [...Array(7).fill("passed"), "trusted"]);
    assert.match(results[2]!.notes.join(), new RegExp(`${commits} of the day's commits came after`));
  }
});

for (const { lie, step, error, changes } of vectors.lies) {
  test(`lie: ${lie}`, async () => {
    const results = await verify(changed(vectors.honest, changes));
    const last = results.at(-1)!;
    assert.deepEqual([last.id, last.state, last.error?.name], [step, "failed", error]);
    assert.ok(results.slice(0, -1).every(({ state }) => state === "passed"));
    assert.ok(last.error?.found && last.error.expected && last.error.meaning);
  });
}

test("another registry than the remembered one is refused, whatever it says", async () => {
  const { place } = vectors.honest;
  const others: Partial<Place>[] = [
    { chainId: 1 }, { registry: `0x${"12".repeat(20)}` }, { platform: "rival" }, {},
  ];
  const states = others.map(async (other) => {
    const results = await verify(vectors.honest, undefined, { ...place, ...other });
    return results.find(({ id }) => id === "records")!.error?.name;
  });
  assert.deepEqual(await Promise.all(states), [...Array(3).fill("WrongRegistry"), undefined]);
});

test("what is not there proves nothing and refutes nothing", async () => {
  const gone = await verify({ ...vectors.honest, files: {} });
  assert.deepEqual([gone.at(-1)!.id, gone.at(-1)!.state], ["report", "unavailable"]);
  assert.equal(gone.at(-1)!.error?.name, "ContentUnavailable");
  const dead = new ScriptedNode(vectors.honest.node);
  dead.ask = async () => {
    throw new TypeError("a fault of this program");
  };
  const [, second] = await verify(vectors.honest, dead);
  assert.deepEqual([second!.id, second!.state, second!.error?.name], ["records", "unavailable", "Unexpected"]);
});
