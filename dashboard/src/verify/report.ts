// The report and the policy as far as one figure needs them (spec/report.md, spec/policy.md).
// Everything throws a TypeError or SyntaxError; which lie that is, the steps say.
import type { Figure } from "../api/types";
import { isHash, type Hex } from "./bytes";
import { encode, parse, withMembers } from "./canonical";

const HEADER = [
  ...["day", "format", "manifest_root", "platform"],
  ...["policy_hash", "revision", "row_count", "spend_nano_rho"],
];
const REPORT_FORMAT = "viewership-report/1";
const POLICY_FORMAT = "viewership-policy/3";

export interface Header {
  platform: string;
  day: string;
  revision: number;
  manifest_root: Hex;
  policy_hash: Hex;
  spend_nano_rho: number;
  row_count: number;
}

export interface Report {
  header: Header;
  /** canonical bytes: the header's, then each row's */
  leaves: Uint8Array[];
  rows: Record<string, unknown>[];
}

/** The row as the report has it, from what is displayed. */
export function rowOf(figure: Figure): Record<string, string | number | null> {
  const { error_95, key, metric, scope, sigma, value } = figure;
  return { error_95, key, metric, scope, sigma, value };
}

/** What is wrong with a row; null if it may stand in a report. */
export function problemOf(figure: Figure): string | null {
  const { value, sigma, error_95 } = figure;
  if (![figure.scope, figure.key, figure.metric].every((text) => typeof text === "string")) {
    return "its scope, key or metric is no text";
  }
  if (value !== null && !(Number.isSafeInteger(value) && value > 0)) return `the value ${value}`;
  if (!(sigma > 0 && error_95 > 0)) return `σ ${sigma} and error ${error_95}`;
  if (figure.suppressed !== (value === null)) return "a value shown and suppressed at once";
  const unit = unitOf(figure.metric);
  return figure.unit === unit ? null : `${figure.unit} where the metric counts ${unit}`;
}

const unitOf = (metric: string): Figure["unit"] =>
  metric === "watch_seconds" ? "seconds" : metric === "views" ? "views" : "viewers";

export function parseReport(bytes: Uint8Array): Report {
  const { header, rows } = withMembers(parse(bytes), ["header", "rows"]);
  if (!Array.isArray(rows) || rows.includes(null)) throw new TypeError("rows: not a list");
  return { header: parseHeader(header), leaves: [header, ...rows].map(encode), rows };
}

function parseHeader(value: unknown): Header {
  const header = withMembers(value, HEADER);
  if (header.format !== REPORT_FORMAT) throw new TypeError(`format: not ${REPORT_FORMAT}`);
  const texts = [header.platform, header.day].every((text) => typeof text === "string");
  const numbers = [header.revision, header.row_count, header.spend_nano_rho];
  const hashes = [header.manifest_root, header.policy_hash];
  if (!texts || !numbers.every(Number.isSafeInteger) || !hashes.every(isHash)) {
    throw new TypeError("header: a member has the wrong type");
  }
  return header as unknown as Header;
}

export interface Query {
  scope: string;
  metrics: string[];
  rho_nano: number;
  sigma: number;
  error_95: number;
  threshold: number;
}

export interface Policy {
  delta: number;
  queries: Query[];
}

export function parsePolicy(bytes: Uint8Array): Policy {
  const policy = parse(bytes) as Partial<Policy & { format: unknown }> | null;
  if (policy?.format !== POLICY_FORMAT) throw new TypeError(`format: not ${POLICY_FORMAT}`);
  const sound = (query: Partial<Query> | null): boolean =>
    Array.isArray(query?.metrics) &&
    [query.rho_nano, query.sigma, query.error_95, query.threshold].every(Number.isFinite);
  if (!Array.isArray(policy.queries) || !policy.queries.every(sound) || !Number(policy.delta)) {
    throw new TypeError("queries: a member has the wrong type");
  }
  return policy as Policy;
}
