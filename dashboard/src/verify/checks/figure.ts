// Steps 1 and 4 to 6: the displayed figure against report.json and policy.json.
import { fromHex, isHash, sameBytes, toHex } from "../bytes";
import { encode } from "../canonical";
import { cidOfDigest } from "../cid";
import { publishedEpsilon } from "../epsilon";
import { VerificationFailed } from "../errors";
import { leafHash, rootOf, rootOfPath } from "../merkle";
import { parsePolicy, parseReport, problemOf, rowOf, type Policy } from "../report";
import type { Findings, Line, Question } from "../question";

export async function checkRow({ figure, proof }: Question, found: Findings, line: Line): Promise<void> {
  const problem = problemOf(figure);
  if (problem !== null) throw new VerificationFailed("RowInvalid", "a row of a report", problem);
  try {
    found.leaf = encode(rowOf(figure));
  } catch (error) {
    throw new VerificationFailed("RowInvalid", "a row in canonical JSON", String(error));
  }
  const { report_root, leaf_index, tree_size, siblings } = await proof();
  const path = Array.isArray(siblings) && siblings.every(isHash) ? siblings.map(fromHex) : null;
  const root = path && rootOfPath(found.leaf, leaf_index, tree_size, path);
  if (!root || leaf_index === 0) {
    const found = `leaf ${leaf_index} of ${tree_size}, ${path?.length ?? "malformed"} siblings`;
    throw new VerificationFailed("RootMismatch", "the way from a row to a root", found);
  }
  [found.root, found.index, found.size] = [toHex(root), leaf_index, tree_size];
  if (found.root !== report_root) {
    throw new VerificationFailed("RootMismatch", `report root ${report_root}`, found.root);
  }
  line.compare("row", new TextDecoder().decode(found.leaf), "as displayed");
  line.compare("leaf", toHex(leafHash(found.leaf)), "SHA-256 of 0x00 and the row");
  line.compare("root", found.root, `the path's end, from leaf ${leaf_index} of ${tree_size}`);
}

export async function checkReport(question: Question, found: Findings, line: Line): Promise<void> {
  const { figure, evidence } = question;
  const { day, revision, report_cid: cid, report_root } = found.release;
  const bytes = await evidence.file({ cid, name: "report.json", day, revision }, "ReportMismatch");
  try {
    found.report = parseReport(bytes);
  } catch (error) {
    const expected = "canonical JSON (RFC 8785) of the format";
    throw new VerificationFailed("ReportNotCanonical", expected, String(error));
  }
  const { leaves, rows } = found.report;
  const root = toHex(rootOf(leaves));
  if (root !== report_root) {
    throw new VerificationFailed("RootMismatch", `report root ${report_root}`, root);
  }
  const places = leaves.flatMap((leaf, at) => (sameBytes(leaf, found.leaf) ? [at] : []));
  if (places.join() !== String(found.index) || leaves.length !== found.size) {
    const expected = `the row once, as leaf ${found.index} of ${found.size}`;
    const there = `leaves of ${leaves.length}: ${places.join(", ") || "none"}`;
    throw new VerificationFailed("RowMissing", expected, there);
  }
  const named = rows.filter(
    (row) => row.scope === figure.scope && row.key === figure.key && row.metric === figure.metric,
  ).length;
  if (named !== 1) throw new VerificationFailed("RowMissing", "one row of its name", String(named));
  line.compare("CID", cid, `${bytes.length} bytes from ${evidence.content.name}`);
  line.compare("root", root, `${leaves.length} leaves of report.json`);
  line.compare("row", `leaf ${found.index}`, "byte for byte the displayed row");
}

export async function checkHeader(question: Question, found: Findings, line: Line): Promise<void> {
  const { figure, evidence } = question;
  const { header, rows } = found.report;
  const { commit, release } = found;
  const same = (lie: "WrongPlatform" | "WrongDay" | "WrongRevision" | "HeaderMismatch") =>
    (what: string, ours: string | number, theirs: string | number): void => {
      if (ours !== theirs) throw new VerificationFailed(lie, `${what} ${ours}`, String(theirs));
      line.compare(what, theirs, lie === "HeaderMismatch" ? "the record" : "as displayed");
    };
  same("WrongPlatform")("platform", evidence.place.platform, header.platform);
  same("WrongDay")("day", figure.day, header.day);
  same("WrongRevision")("revision", figure.revision, header.revision);
  same("HeaderMismatch")("manifest root", commit.manifest_root, header.manifest_root);
  same("HeaderMismatch")("policy hash", commit.policy_hash, header.policy_hash);
  same("HeaderMismatch")("spend in nano-rho", release.spend_nano_rho, header.spend_nano_rho);
  same("HeaderMismatch")("number of rows", rows.length, header.row_count);
}

export async function checkPolicy(question: Question, found: Findings, line: Line): Promise<void> {
  const { figure, evidence } = question;
  const { day, revision, policy_hash } = found.commit;
  const cid = cidOfDigest(fromHex(policy_hash)); // a file of one block: its CID is its hash
  const bytes = await evidence.file({ cid, name: "policy.json", day, revision }, "PolicyMismatch");
  let policy: Policy;
  try {
    policy = parsePolicy(bytes);
  } catch (error) {
    throw new VerificationFailed("PolicyUnsound", "a policy of the format", String(error));
  }
  const query = policy.queries.find(
    ({ scope, metrics }) => scope === figure.scope && metrics.includes(figure.metric),
  );
  if (!query) {
    const expected = `a query for ${figure.metric} of a ${figure.scope}`;
    throw new VerificationFailed("RowInvalid", expected, "none in the policy");
  }
  const displayed = [
    ["σ", figure.sigma, query.sigma],
    ["error", figure.error_95, query.error_95],
    ["threshold", figure.threshold, query.threshold],
    ["ρ", figure.rho, query.rho_nano / 1e9],
    ["δ", figure.delta, policy.delta],
    ["ε", figure.epsilon, publishedEpsilon(query.rho_nano, policy.delta)],
  ] as const;
  for (const [what, shown, promised] of displayed) {
    if (shown !== promised) {
      throw new VerificationFailed("NoiseMisstated", `${what} ${promised}`, String(shown));
    }
    line.compare(what, shown, "the policy's query");
  }
  if (figure.value !== null && figure.value < query.threshold) {
    const expected = `no value below ${query.threshold}`;
    throw new VerificationFailed("SuppressedValueShown", expected, String(figure.value));
  }
  line.compare("policy", policy_hash, `SHA-256 of policy.json from ${evidence.content.name}`);
}
