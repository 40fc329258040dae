// Verifying a displayed figure against chain and CID, without a page: no DOM, no storage.
//
//   for await (const result of verifyFigure(question)) …
//
// yields the result of each step as it ends. The first that fails, or cannot be carried out, is the
// last. Belongs here: running the steps. The steps are in `steps.ts`, names of lies in `errors.ts`.
import { MEANINGS, Unavailable, VerificationFailed } from "./errors";
import { Findings, Line, type Comparison, type Question } from "./question";
import { STEPS, type Step } from "./steps";

export { apiSource, gatewaySource, type ContentSource } from "./content";
export { Evidence } from "./evidence";
export { MEANINGS, Unavailable, VerificationFailed, type Lie } from "./errors";
export { hostOf } from "./net";
export { DEVELOPMENT_CHAIN_ID, type Place } from "./registry";
export { openRpc, type Ask } from "./rpc";
export type { Comparison, InclusionProof, Question } from "./question";
export { STEPS, type Step, type StepId } from "./steps";

/** How a step ended. `trusted`: not checked here, and the notes say who did. */
export type StepState = "passed" | "trusted" | "failed" | "unavailable";

export interface StepResult {
  /** from 1, as in the list of steps */
  number: number;
  id: Step["id"];
  title: string;
  state: StepState;
  compared: Comparison[];
  notes: string[];
  /** of `failed`: the lie; of `unavailable`: why nothing is known */
  error?: { name: string; expected?: string; found: string; meaning: string };
}

export type Verdict = "verified" | "failed" | "unavailable";

/** Steps that are to be carried out; the last ones can be left out for figures of lesser weight. */
export async function* verifyFigure(
  question: Question,
  steps: readonly Step[] = STEPS,
): AsyncGenerator<StepResult, Verdict> {
  const found = new Findings();
  for (const [at, { id, title, check }] of steps.entries()) {
    const line = new Line();
    const { compared, notes } = line;
    const result = { number: at + 1, id, title, compared, notes };
    try {
      await check(question, found, line);
    } catch (error) {
      if (error instanceof VerificationFailed) {
        const { lie: name, expected, found } = error;
        yield { ...result, state: "failed", error: { name, expected, found, meaning: MEANINGS[name] } };
        return "failed";
      }
      const name = error instanceof Unavailable ? error.kind : "Unexpected";
      const meaning = "Nothing is proven and nothing refuted: ask again, or ask another source.";
      yield { ...result, state: "unavailable", error: { name, found: String(error), meaning } };
      return "unavailable";
    }
    yield { ...result, state: line.trusted ? "trusted" : "passed" };
  }
  return "verified";
}

/** The command that checks everything about a figure's day, the proof included. */
export function commandFor(question: Question, rpcUrl: string, gateway: string): string {
  const { figure, evidence, superseded } = question;
  const parts = [
    ...["analytics-pipeline", "verify", evidence.place.platform, figure.day],
    ...["--chain", rpcUrl, "--registry", evidence.place.registry, "--gateway", gateway],
    ...(superseded ? ["--revision", String(figure.revision)] : []),
    "--require-proof",
  ];
  return parts.map(quoted).join(" ");
}

/** A word for a shell, whatever a server put into it. */
const quoted = (word: string): string =>
  /^[\w.:/-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
