// The steps from a displayed figure to the registry, numbered; the code follows the numbers.
//
//   1 row       the displayed numbers are a row; its hash and the siblings lead to a root (RFC 6962)
//   2 records   the registry's events hash from genesis to the head it holds, on the expected chain
//   3 release   that root is on record for this day and revision; it is the newest; the day's
//               revisions have no gap, none is released twice or before its commit
//   4 report    report.json has the CID on record, one reading, that root, and this row once
//   5 header    its header repeats platform, day, revision and what was committed to
//   6 policy    policy.json is the one committed to; σ, error, threshold, ρ and ε are its query's
//   7 beacon    the beacon is of a block after the commit and before the release, and that block's
//   8 proof     not checked here: who did, and the command that does
//
// Steps 3 and 7 leave out what needs other files of the bundle; docs/verify.md has the whole list.
import {
  checkBeacon,
  checkRecords,
  checkRelease,
  sayWhoCheckedTheProof,
} from "./checks/chain";
import { checkHeader, checkPolicy, checkReport, checkRow } from "./checks/figure";
import type { Findings, Line, Question } from "./question";

export type StepId =
  | "row"
  | "records"
  | "release"
  | "report"
  | "header"
  | "policy"
  | "beacon"
  | "proof";

export interface Step {
  id: StepId;
  title: string;
  /** Throws VerificationFailed, Unavailable. */
  check: (question: Question, found: Findings, line: Line) => Promise<void>;
}

export const STEPS: readonly Step[] = [
  { id: "row", title: "Row and path", check: checkRow },
  { id: "records", title: "Records on chain", check: checkRecords },
  { id: "release", title: "Release of the day", check: checkRelease },
  { id: "report", title: "Report by its CID", check: checkReport },
  { id: "header", title: "Report header", check: checkHeader },
  { id: "policy", title: "Noise and budget", check: checkPolicy },
  { id: "beacon", title: "Beacon", check: checkBeacon },
  { id: "proof", title: "Zero-knowledge proof", check: sayWhoCheckedTheProof },
];

