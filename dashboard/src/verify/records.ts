// A platform's records and their hash chain, as spec/record.md defines them.
//
//   platform id = keccak256(utf8(platform))
//   genesis     = keccak256(abi.encode(chain id, registry, platform id))
//   head'       = keccak256(abi.encode(head, kind, fields of the record …))
//
// Belongs here: events to records, and each record's step of the chain. Does not belong here: asking
// a node (`registry.ts`), or what a record means for a figure (`steps.ts`).
import { keccak_256 } from "@noble/hashes/sha3.js";

import { dayNumber, dayOf, fromHex, toHex, utf8, type Hex } from "./bytes";
import { cidBytes, cidText } from "./cid";

interface Placed {
  day: string;
  revision: number;
  block_number: number;
  block_time: number;
  publisher: string;
}

/** Fields have the names of `chain.json`. */
export interface Commit extends Placed {
  kind: "commit";
  manifest_root: Hex;
  policy_hash: Hex;
  tally_root: Hex;
  catalogue_root: Hex;
  seed_commitment: Hex;
}

export interface Release extends Placed {
  kind: "release";
  report_root: Hex;
  report_cid: string;
  bundle_cid: string;
  spend_nano_rho: number;
  figure_sum: Hex;
  beacon_block: number;
  beacon: Hex;
}

export type ChainRecord = Commit | Release;

const keccak = (hex: string): Hex => toHex(keccak_256(fromHex(`0x${hex}`)));

const hashOfText = (text: string): Hex => toHex(keccak_256(utf8(text)));

/** The first four bytes of a function's signature hash. */
export const selector = (signature: string): Hex => hashOfText(signature).slice(0, 10) as Hex;

export const platformId = (platform: string): Hex => hashOfText(platform);

export const COMMITTED = hashOfText(
  "Committed(bytes32,uint32,bytes32,((uint32,uint32,bytes32,bytes32,bytes32,bytes32,bytes32)," +
    "(uint64,uint64,address)))",
);
export const RELEASED = hashOfText(
  "Released(bytes32,uint32,bytes32,((uint32,uint32,bytes32,bytes,bytes,uint64,bytes32)," +
    "(uint64,bytes32),(uint64,uint64,address)))",
);

/** One word of the contract ABI, without 0x. */
export const word = (value: number | bigint | string): string =>
  typeof value === "string"
    ? value.slice(2).toLowerCase().padStart(64, "0")
    : value.toString(16).padStart(64, "0");

/** Head of a platform without records; binds chain, contract and platform. */
export const genesis = (chainId: number, registry: string, platform: string): Hex =>
  keccak(word(chainId) + word(registry) + word(platformId(platform)));

/** What is hashed into the head after a record, in words, the head before it first. */
function preimage(head: Hex, record: ChainRecord): string {
  const subject = [dayNumber(record.day), record.revision];
  const placement = [record.block_number, record.block_time, record.publisher];
  const body =
    record.kind === "commit"
      ? [
          ...[1, ...subject, record.manifest_root, record.policy_hash],
          ...[record.tally_root, record.catalogue_root, record.seed_commitment],
        ]
      : [
          ...[2, ...subject, record.report_root],
          ...[record.report_cid, record.bundle_cid].map(hashOfCid),
          ...[record.spend_nano_rho, record.figure_sum, record.beacon_block, record.beacon],
        ];
  return [head, ...body, ...placement].map(word).join("");
}

/** The platform's head after a record. */
export const headAfter = (head: Hex, record: ChainRecord): Hex => keccak(preimage(head, record));

const hashOfCid = (text: string): Hex => toHex(keccak_256(cidBytes(text)));

/** A record from the data of its event. Throws a RangeError if the data hold none. */
export function recordOf(topic: string, data: string): ChainRecord {
  const words = new Words(data);
  return topic === COMMITTED ? commitOf(words) : releaseOf(words);
}

function commitOf(words: Words): Commit {
  return {
    kind: "commit",
    day: words.day(0),
    revision: words.number(1),
    manifest_root: words.hash(2),
    policy_hash: words.hash(3),
    tally_root: words.hash(4),
    catalogue_root: words.hash(5),
    seed_commitment: words.hash(6),
    ...placement(words, 7),
  };
}

/** The record is dynamic: an offset leads to it, one in it to its body, two in that to its CIDs. */
function releaseOf(words: Words): Release {
  const record = words.from(words.number(0));
  const body = record.from(record.number(0));
  return {
    kind: "release",
    day: body.day(0),
    revision: body.number(1),
    report_root: body.hash(2),
    report_cid: cidText(body.bytes(3)),
    bundle_cid: cidText(body.bytes(4)),
    spend_nano_rho: body.number(5),
    figure_sum: body.hash(6),
    beacon_block: record.number(1),
    beacon: record.hash(2),
    ...placement(record, 3),
  };
}

const placement = (words: Words, at: number): Omit<Placed, "day" | "revision"> => ({
  block_number: words.number(at),
  block_time: words.number(at + 1),
  publisher: words.address(at + 2),
});

/** Words of ABI-encoded data, read by their places. Everything throws a RangeError. */
export class Words {
  /** @param data hexadecimal, with 0x */
  constructor(private readonly data: string) {}

  hash(at: number): Hex {
    const found = this.data.slice(2 + 64 * at, 66 + 64 * at);
    if (!/^[0-9a-f]{64}$/.test(found)) throw new RangeError(`word ${at} is missing`);
    return `0x${found}`;
  }

  number(at: number): number {
    const value = Number(this.hash(at));
    if (!Number.isSafeInteger(value)) throw new RangeError(`word ${at} is too large`);
    return value;
  }

  day(at: number): string {
    const day = dayOf(this.number(at));
    if (day === null) throw new RangeError(`word ${at} is no day`);
    return day;
  }

  address(at: number): string {
    const found = this.hash(at);
    if (!found.startsWith(`0x${"0".repeat(24)}`)) throw new RangeError(`word ${at} is no address`);
    return `0x${found.slice(26)}`;
  }

  /** What begins so many bytes from here. */
  from(offset: number): Words {
    if (offset % 32) throw new RangeError("an offset is no multiple of 32");
    return new Words(`0x${this.data.slice(2 + 2 * offset)}`);
  }

  /** The bytes that word `at` leads to. */
  bytes(at: number): Uint8Array {
    const rest = this.from(this.number(at));
    const end = 66 + 2 * rest.number(0);
    if (end > rest.data.length) throw new RangeError(`word ${at} leads beyond the end`);
    return fromHex(`0x${rest.data.slice(66, end)}`);
  }
}
