// Asking real servers on this machine: gateways and nodes that lie, stall, fail and talk too much.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { after, test } from "node:test";

import { cidOfFile } from "../src/verify/cid";
import { apiSource, gatewaySource, loadFile, type Wanted } from "../src/verify/content";
import { Unavailable, VerificationFailed } from "../src/verify/errors";
import { hostOf, request } from "../src/verify/net";
import { openRpc, readLogs, RpcRefused } from "../src/verify/rpc";

type Handler = (asked: IncomingMessage, answer: ServerResponse, body: string) => void;

const CHUNK = 1024 * 1024;
const servers: Server[] = [];
after(() => servers.forEach((server) => server.close()));

const vectors = JSON.parse(readFileSync(process.env.VECTORS!, "utf8")) as {
  files: { size: number; cid: string; root: string | null }[];
};

/** URL of a server on this machine. */
async function serve(handler: Handler): Promise<string> {
  const server = createServer((asked, answer) => {
    let body = "";
    asked.on("data", (chunk: Buffer) => (body += chunk));
    asked.on("end", () => handler(asked, answer, body));
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const bytesOf = (size: number): Uint8Array => Uint8Array.from({ length: size }, (_, at) => (7 * at) % 251);

/** Blocks of the vectors' files by CID: chunks, and the roots that Python made. */
function blocksOf(size: number): Map<string, Uint8Array> {
  const bytes = bytesOf(size);
  const blocks = new Map<string, Uint8Array>();
  for (let start = 0; start < size || start === 0; start += CHUNK) {
    const chunk = bytes.slice(start, start + CHUNK);
    blocks.set(cidOfFile(chunk), chunk);
  }
  const { cid, root } = vectors.files.find((file) => file.size === size)!;
  if (root) blocks.set(cid, Buffer.from(root, "hex"));
  return blocks;
}

const gateway = (blocks: Map<string, Uint8Array>): Promise<string> =>
  serve((asked, answer) => {
    const block = blocks.get(asked.url!.match(/^\/ipfs\/(\w+)\?format=raw$/)?.[1] ?? "");
    answer.writeHead(block ? 200 : 404).end(block);
  });

const wanted = (cid: string): Wanted => ({ cid, name: "report.json", day: "2026-03-01", revision: 1 });

test("a gateway gives files of one block and of many", async () => {
  for (const { size, cid } of vectors.files.filter(({ size }) => size > 0)) {
    const source = gatewaySource(`${await gateway(blocksOf(size))}/`);
    const bytes = await loadFile(source, wanted(cid), "ReportMismatch");
    assert.deepEqual(Buffer.compare(bytes, bytesOf(size)), 0);
  }
});

test("a gateway can withhold, and every false block is a lie", async () => {
  const size = 3 * CHUNK;
  const { cid } = vectors.files.find((file) => file.size === size)!;
  for (const name of blocksOf(size).keys()) {
    const missing = blocksOf(size);
    missing.delete(name);
    const withholding = gatewaySource(await gateway(missing));
    await assert.rejects(loadFile(withholding, wanted(cid), "ReportMismatch"), Unavailable);
    const altered = blocksOf(size);
    altered.get(name)![9]! ^= 1;
    const lying = gatewaySource(await gateway(altered));
    await assert.rejects(loadFile(lying, wanted(cid), "ReportMismatch"), VerificationFailed);
  }
});

test("an API's file is held against its CID; what it does not have is no lie", async () => {
  const cid = cidOfFile(bytesOf(100));
  const source = (size: number) => apiSource("this server", async () => bytesOf(size));
  assert.equal((await loadFile(source(100), wanted(cid), "ReportMismatch")).length, 100);
  await assert.rejects(loadFile(source(101), wanted(cid), "PolicyMismatch"), { lie: "PolicyMismatch" });
  const gone = apiSource("this server", async () => {
    throw new Error("404");
  });
  await assert.rejects(loadFile(gone, wanted(cid), "ReportMismatch"), { kind: "ContentUnavailable" });
  await assert.rejects(loadFile(source(1), wanted("bafy"), "ReportMismatch"), VerificationFailed);
});

test("a node's answer, its refusal, and what is neither", async () => {
  const answers: Record<string, [number, string]> = {
    good: [200, '{"jsonrpc":"2.0","id":1,"result":"0x1"}'],
    none: [200, '{"jsonrpc":"2.0","id":1,"result":null}'],
    refused: [200, '{"jsonrpc":"2.0","id":1,"error":{"code":-32005,"message":"too much"}}'],
    refused_loudly: [413, '{"jsonrpc":"2.0","id":1,"error":{"code":-32005,"message":"too much"}}'],
    website: [200, "<html>"],
    list: [200, "[]"],
    nothing: [200, "null"],
    error: [500, '{"result":"0x1"}'],
  };
  const url = await serve((_asked, answer, body) => {
    const [status, text] = answers[JSON.parse(body).method]!;
    answer.writeHead(status).end(text);
  });
  const ask = openRpc(`${url}/v3/secret-key`);
  assert.equal(await ask("good", []), "0x1");
  assert.equal(await ask("none", []), null);
  for (const method of ["refused", "refused_loudly"]) {
    await assert.rejects(ask(method, []), (error) => error instanceof RpcRefused && error.code === -32005);
  }
  for (const method of ["website", "list", "nothing", "error"]) {
    await assert.rejects(ask(method, []), (error) => {
      assert.ok(error instanceof Unavailable && error.kind === "ChainError");
      assert.doesNotMatch(error.message, /secret/);
      return true;
    });
  }
  await assert.rejects(openRpc("http://127.0.0.1:1")("eth_chainId", []), { kind: "ChainUnreachable" });
  await assert.rejects(openRpc("no url")("eth_chainId", []), { kind: "ChainUnreachable" });
});

test("a busy server is asked again, and an endless answer is cut off", async () => {
  let left = 2;
  const url = await serve((asked, answer) => {
    if (asked.url === "/endless") answer.writeHead(200).end(Buffer.alloc(2000));
    else answer.writeHead(left-- > 0 ? 429 : 200).end("at last");
  });
  assert.equal(new TextDecoder().decode((await request(url, {}, 100)).bytes), "at last");
  await assert.rejects(request(`${url}/endless`, {}, 1999), /longer than 1999 bytes/);
  assert.equal((await request(`${url}/endless`, {}, 2000)).bytes.length, 2000);
});

test("a node that refuses single blocks is no node to read logs from", async () => {
  const ask = async () => {
    throw new RpcRefused(-32005, "no logs here");
  };
  await assert.rejects(readLogs(ask, "0x", [], 1, 100), { kind: "ChainError", message: /no logs here/ });
});

test("addresses of servers are shown without what may be secret", () => {
  assert.equal(hostOf("https://user:pass@node.example:8545/v3/key?token=1"), "node.example:8545");
});
