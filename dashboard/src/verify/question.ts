// What is asked of the steps, what they have found so far, and what they say.
import type { Figure } from "../api/types";
import type { Evidence } from "./evidence";
import type { Commit, Release } from "./records";
import type { Report } from "./report";

/** What was compared with what. `theirs` is where the other value came from. */
export interface Comparison {
  what: string;
  value: string;
  theirs: string;
}

/** Where a figure stands in its report's tree. */
export interface InclusionProof {
  report_root: string;
  leaf_index: number;
  tree_size: number;
  siblings: string[];
}

export interface Question {
  figure: Figure;
  proof: () => Promise<InclusionProof>;
  evidence: Evidence;
  /** the page names the figure as an older revision's: then it may be corrected since */
  superseded: boolean;
}

/** What a step has seen, beyond passing. */
export class Line {
  readonly compared: Comparison[] = [];
  readonly notes: string[] = [];
  /** left to somebody else: not passed */
  trusted = false;

  compare(what: string, value: string | number, theirs: string): void {
    this.compared.push({ what, value: String(value), theirs });
  }
}

/** What the steps before have found. */
export class Findings {
  leaf: Uint8Array = new Uint8Array();
  root = "";
  index = 0;
  size = 0;
  commit!: Commit;
  release!: Release;
  report!: Report;
}
