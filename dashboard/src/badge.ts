// The badge beside a figure: unverified until somebody presses it, then what came of verifying the
// figure in this browser. Belongs here: the button and what it remembers. What it opens is
// `badge/panel.ts`, loaded when it is first needed, with the verifier.
import "./styles/badge.css";
import type { ApiClient } from "./api/client";
import type { Figure } from "./api/types";
import { stateIcon, STATE_WORDS, type BadgeState } from "./badge/state";
import { h } from "./ui/dom";

export interface Outcome {
  state: BadgeState;
  /** of a failure: the step's title */
  step?: string;
}

export interface BadgeOptions {
  /** the page says that it shows an older revision: then it may have been corrected since */
  superseded?: boolean;
}

/** What came of the figures that were verified since the page was loaded, for views drawn anew. */
const outcomes = new Map<string, Outcome>();

export function badge(figure: Figure, api: ApiClient, options: BadgeOptions = {}): HTMLElement {
  const { proof: _, ...shown } = figure;
  const key = JSON.stringify([shown, options]);
  const words = h("span", { class: "badge-words" });
  const about = [figure.metric, "of", figure.key || figure.scope, "on", figure.day].join(" ");
  const button = h(
    "button",
    { type: "button", class: "badge", "aria-haspopup": "dialog", onclick: () => void press() },
    words,
    h("span", { class: "visually-hidden" }, `: ${about}`),
  );
  const show = (outcome: Outcome): void => {
    button.dataset.state = outcome.state;
    const text = STATE_WORDS[outcome.state];
    words.textContent = outcome.step ? `${text}: ${outcome.step}` : text;
    button.querySelector("svg")?.remove();
    button.prepend(stateIcon(outcome.state));
  };
  const press = async (): Promise<void> => {
    const panel = await import("./badge/panel").catch(() => null);
    if (!panel) return show({ state: "unavailable", step: "load this page again" });
    panel.openPanel({ figure, api, superseded: options.superseded ?? false }, (outcome) => {
      if (outcome.state === "verifying") outcomes.delete(key);
      else outcomes.set(key, outcome);
      show(outcome);
    });
  };
  show(outcomes.get(key) ?? { state: "unverified" });
  return button;
}
