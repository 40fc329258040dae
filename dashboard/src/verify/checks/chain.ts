// Steps 2, 3, 7 and 8: what the registry has on record, and what it does not say.
import { Unavailable, VerificationFailed } from "../errors";
import type { Findings, Line, Question } from "../question";
import { DEVELOPMENT_CHAIN_ID, demandedProof, randomnessOf, type Place } from "../registry";
import { recordsOfDay, unreleasedRevisions } from "./revisions";

export async function checkRecords({ evidence }: Question, _: Findings, line: Line): Promise<void> {
  const { place } = evidence;
  const known = evidence.options.remembered;
  if (known && !samePlace(known, place)) {
    throw new VerificationFailed("WrongRegistry", `${nameOf(known)}, as before`, nameOf(place));
  }
  const { records, head, block } = await evidence.history();
  line.compare("chain", place.chainId, "eth_chainId");
  line.compare("registry", place.registry, "whose records were read");
  line.compare("head", head, `headOf at block ${block}, and ${records.length} records hashed`);
  if (place.chainId === DEVELOPMENT_CHAIN_ID) {
    line.notes.push(
      "A development chain: its history, and what it accepts as a proof, can be made up by whoever " +
        "holds its file.",
    );
  }
}

const nameOf = ({ platform, chainId, registry }: Place): string =>
  `${platform} at registry ${registry} on chain ${chainId}`;

const samePlace = (one: Place, other: Place): boolean =>
  nameOf(one).toLowerCase() === nameOf(other).toLowerCase();

export async function checkRelease(question: Question, found: Findings, line: Line): Promise<void> {
  const { figure, evidence } = question;
  const { records } = await evidence.history();
  const label = `${evidence.place.platform} ${figure.day} revision ${figure.revision}`;
  const [commits, releases] = recordsOfDay(records, figure.day);
  const release = releases.find(({ revision }) => revision === figure.revision);
  const commit = commits.find(({ revision }) => revision === figure.revision);
  if (!release || !commit) {
    const there = releases.map(({ revision }) => revision).join(", ") || "none";
    const missing = `commit and release of ${label}`;
    throw new VerificationFailed("RecordNotOnChain", missing, `released revisions: ${there}`);
  }
  const newest = Math.max(...releases.map(({ revision }) => revision));
  if (newest > figure.revision) {
    if (!question.superseded) {
      const expected = `the newest release, revision ${newest}`;
      throw new VerificationFailed("Superseded", expected, `revision ${figure.revision}`);
    }
    line.notes.push(`Corrected since: the newest release of the day is revision ${newest}.`);
  }
  const { withheld, later } = unreleasedRevisions(records, figure.day);
  if (withheld.length > 0) {
    line.notes.push(
      `${withheld.length} of the day's commits have no release: their figures may have been drawn, ` +
        "seen and left out.",
    );
  }
  if (later.length > 0) {
    line.notes.push(
      `${later.length} of the day's commits came after its last release: a correction is on its way, ` +
        "or was given up, or somebody else has the publisher's key.",
    );
  }
  [found.commit, found.release] = [commit, release];
  if (release.report_root !== found.root) {
    const expected = `report root ${release.report_root} of ${label}`;
    throw new VerificationFailed("RootMismatch", expected, found.root);
  }
  line.compare("root", found.root, `the record in block ${release.block_number}`);
  line.compare("revision", figure.revision, `newest of ${releases.length} released`);
}

export async function checkBeacon({ evidence }: Question, found: Findings, line: Line): Promise<void> {
  const { commit, release } = found;
  if (release.beacon_block <= commit.block_number) {
    const expected = `a beacon of a block after the commit's ${commit.block_number}`;
    throw new VerificationFailed("BeaconBeforeCommit", expected, `block ${release.beacon_block}`);
  }
  if (release.beacon_block >= release.block_number) {
    const expected = `a beacon of a block before the release's ${release.block_number}`;
    throw new VerificationFailed("WrongBeaconBlock", expected, `block ${release.beacon_block}`);
  }
  const randomness = await randomnessOf(evidence.ask, release.beacon_block);
  if (randomness !== release.beacon) {
    const expected = `the randomness ${randomness} of block ${release.beacon_block}`;
    throw new VerificationFailed("BeaconMismatch", expected, release.beacon);
  }
  line.compare("commit", `block ${commit.block_number}`, "inputs and rules were fixed");
  line.compare("beacon", `block ${release.beacon_block}`, "the noise was settled");
  line.compare("release", `block ${release.block_number}`, "the figures were published");
  line.compare("randomness", release.beacon, "the header of that block");
}

export async function sayWhoCheckedTheProof(
  { evidence }: Question,
  { release }: Findings,
  line: Line,
): Promise<void> {
  line.trusted = true;
  const history = await evidence.history();
  let demanded: boolean | null = null;
  try {
    demanded = await demandedProof(evidence.ask, evidence.place, history, release.block_time);
  } catch (error) {
    if (!(error instanceof Unavailable || error instanceof VerificationFailed)) throw error;
  }
  line.notes.push(
    demanded
      ? "Not checked in this browser: the registry's verifier contract accepted it before the " +
          "release was recorded. Which circuits that contract accepts is not looked at here."
      : demanded === false
        ? "Not checked in this browser, and the registry demanded none of this release: whether the " +
          "figures follow from anything is the operator's word alone."
        : "Not checked in this browser, and the node did not say whether the registry demands one.",
  );
}
