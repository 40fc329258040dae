// The steps of a verification as a list: what was compared with what, and what went wrong where.
// Used by the panel and by embedded badges. Belongs here: drawing results, whatever made them.
import { h, type Child } from "../ui/dom";
import type { Comparison, Step, StepResult, StepState } from "../verify/index";
import { stateIcon, type BadgeState } from "./state";

const WORDS: Record<StepState | "waiting" | "running", string> = {
  waiting: "not reached",
  running: "checking…",
  passed: "passed",
  trusted: "not checked here",
  failed: "failed",
  unavailable: "not checked: no answer",
};

const ICONS: Record<keyof typeof WORDS, BadgeState> = {
  waiting: "unverified",
  running: "verifying",
  passed: "verified",
  trusted: "unavailable",
  failed: "failed",
  unavailable: "unavailable",
};

export class StepList {
  readonly element: HTMLOListElement;
  private readonly items: HTMLLIElement[];

  constructor(private readonly steps: readonly Step[]) {
    this.items = steps.map(() => h("li", { class: "step" }));
    this.element = h("ol", { class: "steps" }, this.items);
    this.clear();
  }

  /** Nothing is known; the first step is on its way, or none. */
  clear(running = false): void {
    this.items.forEach((_, at) => this.draw(at, at === 0 && running ? "running" : "waiting"));
  }

  /** A result; the next step is on its way if this one leads to it. */
  add(result: StepResult): void {
    const at = result.number - 1;
    this.draw(at, result.state, result);
    const goesOn = result.state === "passed" && at + 1 < this.items.length;
    if (goesOn) this.draw(at + 1, "running");
  }

  private draw(at: number, state: keyof typeof WORDS, result?: StepResult): void {
    const item = this.items[at]!;
    item.dataset.state = state;
    item.dataset.step = this.steps[at]!.id;
    const head: Child[] = [
      stateIcon(ICONS[state]),
      h("span", { class: "step-title" }, this.steps[at]!.title),
      h("span", { class: "step-state" }, WORDS[state]),
    ];
    const body = result ? bodyOf(result) : [];
    item.replaceChildren(
      body.length
        ? h("details", { open: state !== "passed" }, h("summary", null, head), body)
        : h("div", { class: "step-head" }, head),
    );
  }
}

function bodyOf({ compared, notes, error }: StepResult): HTMLElement[] {
  return [
    ...(error
      ? [
          h("p", { class: "step-error" },
            h("strong", null, error.name), " ",
            error.expected && ["Expected ", error.expected, "; found "], error.found, "."),
          h("p", null, error.meaning),
        ]
      : []),
    ...(compared.length ? [h("dl", { class: "compared" }, compared.map(comparison))] : []),
    ...notes.map((note) => h("p", { class: "step-note" }, note)),
  ];
}

const comparison = ({ what, value, theirs }: Comparison): HTMLElement =>
  h("div", null, h("dt", null, what), h("dd", null, copyable(value, what), " ", h("span", null, theirs)));

/** A value that may be long: its ends, or all of it; all of it for whoever copies or points. */
export function copyable(value: string, what: string, whole = value.length <= 24): HTMLElement {
  const short = `${value.slice(0, 10)}…${value.slice(-8)}`;
  const code = h("code", whole ? null : { title: value }, whole ? value : short);
  if (value.length <= 24) return code;
  if (!navigator.clipboard) return h("code", null, value); // no secure context: to be marked by hand
  const button = h("button", { type: "button", class: "copy", "aria-label": `Copy ${what}` }, "Copy");
  button.addEventListener("click", () => {
    void navigator.clipboard.writeText(value).then(
      () => (button.textContent = "Copied"),
      () => code.replaceChildren(value),
    );
  });
  return h("span", { class: "copyable" }, code, button);
}
