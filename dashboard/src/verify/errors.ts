// Every way a figure can fail, and every way of not knowing.
//
//   VerificationFailed   a lie, under the name it has in core/verify_errors.py where there is one
//   Unavailable          no answer, or none that could be used: nothing is proven or refuted
//
// Belongs here: names and what each means in plain words. Which step raises what: `steps.ts`.

export const MEANINGS = {
  BeaconBeforeCommit: "Who knows the beacon while choosing inputs or seed chooses the noise.",
  BeaconMismatch: "The noise was drawn from a number somebody made up.",
  HeadMismatch: "chain.json is out of date or is not the history the registry holds.",
  HeaderMismatch: "The report says it was made from other inputs than those committed to.",
  HistoryBroken: "A record in chain.json was altered, added, removed or moved.",
  NoiseMisstated: "The figure claims another precision than it has.",
  PolicyMismatch: "The figures were drawn under other rules than those committed to.",
  PolicyUnsound: "The policy promises more privacy than its noise gives.",
  RecordNotOnChain: "The operator never published this release.",
  ReleaseBeforeCommit: "Inputs and rules must be fixed before figures are drawn.",
  ReleaseReplayed: "One revision may be drawn and published once only.",
  ReportMismatch: "The report is not the one that was published.",
  ReportNotCanonical: "Bytes with more than one reading prove nothing.",
  RevisionGap: "A commit of this day is missing or out of order; something may be hidden.",
  RootMismatch: "A row was altered, added, removed or moved after the root was recorded.",
  RowInvalid: "The figure cannot be read with certainty.",
  RowMissing: "Which rows are shown must not depend on what they say.",
  Superseded: "The operator has corrected these figures since; ask for the newest bundle.",
  SuppressedValueShown: "The figure is mostly noise and had to be left out.",
  TooManyWithheld: "Who draws often and publishes once chooses the noise.",
  WrongBeaconBlock: "With a choice of blocks an operator could choose the noise.",
  WrongDay: "These figures are those of another day.",
  WrongPlatform: "These figures belong to somebody else.",
  WrongRevision: "These figures are those of another release of the day.",
  // of the browser alone
  WrongChain: "The endpoint speaks for another chain: what it says proves nothing here.",
  WrongRegistry: "The registry is not the one that was verified against before.",
} as const;

export type Lie = keyof typeof MEANINGS;

/** A step failed; nothing that follows it was looked at. */
export class VerificationFailed extends Error {
  /**
   * @param lie its name
   * @param expected what an honest server or node would have here
   * @param found what is here
   */
  constructor(
    readonly lie: Lie,
    readonly expected: string,
    readonly found: string,
  ) {
    super(`expected ${expected}; found ${found}. ${MEANINGS[lie]}`);
    this.name = lie;
  }
}

export type Unknown = "ChainUnreachable" | "ChainError" | "ContentUnavailable" | "ProofUnavailable";

/** Chain or content could not be read. No lie, and no proof either. */
export class Unavailable extends Error {
  constructor(
    readonly kind: Unknown,
    problem: string,
  ) {
    super(problem);
    this.name = kind;
  }
}
