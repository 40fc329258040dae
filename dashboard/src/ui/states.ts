// What a page shows while it waits, has nothing, or failed: each says what to do.
import { ApiProblem, type ApiClient } from "../api/client";
import { h, uniqueId, type Child } from "./dom";

export function skeleton(): HTMLElement {
  const block = (name: string): HTMLElement => h("div", { class: `skeleton ${name}` });
  return h(
    "div",
    { class: "skeletons", "aria-hidden": "true" },
    block("skeleton-title"),
    h(
      "div",
      { class: "skeleton-row" },
      [1, 2, 3, 4].map(() => block("skeleton-tile")),
    ),
    block("skeleton-chart"),
    block("skeleton-chart"),
  );
}

export function emptyState(title: string, ...advice: Child[]): HTMLElement {
  return h("div", { class: "state" }, h("h2", null, title), h("p", null, ...advice));
}

/** A failed request: its reason, and a way on. */
export function errorState(error: unknown, api: ApiClient, retry: () => void): HTMLElement {
  const problem = error instanceof ApiProblem ? error : new ApiProblem(-1, String(error), "");
  if (problem.status === 401 || problem.status === 403) return keyForm(api, retry, problem);
  return h(
    "div",
    { class: "state state-error", role: "alert" },
    h("h2", null, problem.title),
    h("p", null, problem.detail !== problem.title && problem.detail, " ", adviceFor(problem)),
    problem.status === 404
      ? h("a", { class: "button", href: "/" }, "To the overview")
      : h("button", { class: "button", type: "button", onclick: retry }, "Try again"),
  );
}

function adviceFor(problem: ApiProblem): string {
  if (problem.status === 0)
    return "Check the connection, or whether the server runs; then try again.";
  if (problem.status === 404)
    return "It may not be released in these days, or the link has a mistake.";
  if (problem.status === 400) return "Correct the address of this page, e.g. its days.";
  if (problem.status === 429) {
    return `You asked often. Wait ${problem.retryAfterSeconds || "a few"} seconds, then try again.`;
  }
  return "Try again in a moment. Published figures stay on chain and IPFS, whatever this server does.";
}

/** Asks for an access key, which stays in this tab. */
export function keyForm(
  api: ApiClient,
  done: () => void,
  problem?: ApiProblem,
  what = "This page needs a key",
): HTMLElement {
  const id = uniqueId("key");
  const input = h("input", {
    id,
    type: "password",
    autocomplete: "off",
    spellcheck: "false",
    required: true,
  });
  const submit = (event: Event): void => {
    event.preventDefault();
    api.key = input.value.trim();
    done();
  };
  const forget = (): void => {
    api.key = "";
    done();
  };
  const had = api.key !== "";
  return h(
    "form",
    { class: "state key-form", onsubmit: submit },
    h("h2", null, had ? "This key does not open it" : what),
    problem?.detail && h("p", null, problem.detail),
    h(
      "p",
      null,
      "The operator makes keys with ",
      h("code", null, "analytics-pipeline read-keys create"),
      ". It stays in this tab and is forgotten when you close it.",
    ),
    h("label", { for: id }, "Access key"),
    h(
      "div",
      { class: "field-row" },
      input,
      h("button", { class: "button button-primary", type: "submit" }, "Use key"),
      had && h("button", { class: "button", type: "button", onclick: forget }, "Forget key"),
    ),
  );
}
