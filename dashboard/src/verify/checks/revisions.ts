// A day's revisions, by the records alone: check 8 of core/checks/history.py, but for the bundles'
// links. Belongs here: what hangs together whatever the figures say.
import { VerificationFailed } from "../errors";
import type { ChainRecord, Commit, Release } from "../records";

/** More of a day's commits without a release than accidents explain. */
const MAX_WITHHELD = 10;

/** The day's commits and releases, in chain order. */
export function recordsOfDay(records: ChainRecord[], day: string): [Commit[], Release[]] {
  const ofDay = records.filter((record) => record.day === day);
  return [
    ofDay.filter((record) => record.kind === "commit"),
    ofDay.filter((record) => record.kind === "release"),
  ];
}

/**
 * The day's revisions that were committed to and never released: withheld before its last release,
 * and those after it, which have published nothing and are judged once one of them is released.
 *
 * Throws VerificationFailed (ReleaseReplayed, RevisionGap, ReleaseBeforeCommit, TooManyWithheld).
 */
export function unreleasedRevisions(
  records: ChainRecord[],
  day: string,
): { withheld: number[]; later: number[] } {
  const last = records.findLastIndex((record) => record.day === day && record.kind === "release");
  const [commits, releases] = recordsOfDay(records.slice(0, last + 1), day);
  const [after] = recordsOfDay(records.slice(last + 1), day);
  for (const [done, list] of [["committed", commits], ["released", releases]] as const) {
    const numbers = list.map(({ revision }) => revision);
    const twice = numbers.find((revision, at) => numbers.indexOf(revision) !== at);
    if (twice !== undefined) {
      const expected = `every revision ${done} once`;
      throw new VerificationFailed("ReleaseReplayed", expected, `revision ${twice} twice`);
    }
  }
  commits.forEach(({ revision }, at) => {
    if (revision === at + 1) return;
    const expected = `commits of revisions 1 to ${commits.length} in order`;
    throw new VerificationFailed("RevisionGap", expected, `revision ${revision} in place ${at + 1}`);
  });
  const released = pairReleases(records);
  const withheld = commits.filter((commit) => !released.has(commit));
  if (withheld.length > MAX_WITHHELD) {
    const expected = `at most ${MAX_WITHHELD} commits of ${day} without a release`;
    throw new VerificationFailed("TooManyWithheld", expected, String(withheld.length));
  }
  return {
    withheld: withheld.map(({ revision }) => revision),
    later: after.map(({ revision }) => revision),
  };
}

/**
 * Commits that were released, by the contract's rule: a release belongs to a commit of its day and
 * revision among those directly before its run of releases, in their order, in an earlier block.
 */
function pairReleases(records: ChainRecord[]): Set<Commit> {
  const commits: Commit[] = [];
  const released = new Set<Commit>();
  let waiting = 0; // place in `commits` from which one may still be released
  let releasing = false;
  for (const record of records) {
    if (record.kind === "commit") {
      if (releasing) [waiting, releasing] = [commits.length, false];
      commits.push(record);
      continue;
    }
    releasing = true;
    while (waiting < commits.length && !releases(record, commits[waiting]!)) waiting++;
    const commit = commits[waiting++];
    if (!commit) {
      const found = `${record.day} revision ${record.revision} in block ${record.block_number}`;
      const expected = "every release after its commit, in a later block";
      throw new VerificationFailed("ReleaseBeforeCommit", expected, found);
    }
    released.add(commit);
  }
  return released;
}

const releases = (release: Release, commit: Commit): boolean =>
  release.day === commit.day &&
  release.revision === commit.revision &&
  release.block_number > commit.block_number;
