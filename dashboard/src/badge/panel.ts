// The panel that a badge opens: the steps, what was compared with what, where it was read from, and
// what was not checked. Belongs here: the dialog. The verifier (`verify/`) knows nothing of it.
import type { ApiClient } from "../api/client";
import type { Figure, Platform } from "../api/types";
import type { Outcome } from "../badge";
import { h, uniqueId, type Child } from "../ui/dom";
import {
  apiSource,
  commandFor,
  Evidence,
  gatewaySource,
  hostOf,
  openRpc,
  STEPS,
  verifyFigure,
  type InclusionProof,
  type Question,
  type StepResult,
} from "../verify/index";
import { choose, chosen, forget, remember, remembered } from "./memory";
import { copyable, StepList } from "./steps";

export interface Subject {
  figure: Figure;
  api: ApiClient;
  superseded: boolean;
}

/** Opens the panel and verifies; `report` is told of every change of the badge's state. */
export function openPanel(subject: Subject, report: (outcome: Outcome) => void): void {
  new Panel(subject, report).open();
}

class Panel {
  private readonly steps = new StepList(STEPS);
  private readonly verdict = h("p", { class: "verdict", role: "status" });
  private readonly below = h("div", { class: "panel-below" });
  private readonly rpc: HTMLInputElement;
  private readonly gateway: HTMLInputElement;
  private readonly offered = h("datalist", { id: uniqueId("rpc-offered") });
  private readonly sources: HTMLDetailsElement;
  private readonly dialog: HTMLDialogElement;
  /** the run that may still write into the panel */
  private run = 0;

  constructor(
    private readonly subject: Subject,
    private readonly report: (outcome: Outcome) => void,
  ) {
    const title = uniqueId("verify");
    const text = { type: "url", spellcheck: "false", autocomplete: "off" };
    this.rpc = h("input", { ...text, id: uniqueId("rpc"), list: this.offered.id });
    this.gateway = h("input", { ...text, id: uniqueId("gateway") });
    this.sources = this.buildSources();
    const close = h("button", { type: "button", class: "button button-small" }, "Close");
    close.addEventListener("click", () => this.dialog.close());
    this.dialog = h(
      "dialog",
      { class: "verify-panel", "aria-labelledby": title },
      h("header", null, h("h2", { id: title }, "Verify this figure"), close),
      h("p", { class: "panel-subject" }, describe(subject.figure)),
      this.verdict,
      this.steps.element,
      this.below,
      this.sources,
    );
    this.dialog.addEventListener("click", ({ target }) => {
      if (target === this.dialog) this.dialog.close(); // the backdrop
    });
    this.dialog.addEventListener("close", () => {
      this.dialog.remove();
      if (this.dialog.dataset.running) this.report({ state: "unverified" });
      this.run++;
    });
  }

  /** Origin of the API whose figures are verified. */
  private get server(): string {
    return this.subject.api.origin || location.origin;
  }

  open(): void {
    document.body.append(this.dialog);
    this.dialog.showModal();
    void this.start();
  }

  private async start(): Promise<void> {
    const run = ++this.run;
    this.say("verifying", "Verifying in this browser …");
    this.dialog.dataset.running = "yes";
    this.report({ state: "verifying" });
    this.steps.clear(true);
    this.below.replaceChildren();
    let last: StepResult | undefined;
    let question: Question | undefined;
    try {
      question = await this.ask();
      for await (const result of verifyFigure(question)) {
        if (run !== this.run) return;
        this.steps.add(result);
        last = result;
      }
    } catch (error) {
      if (run !== this.run) return;
      this.steps.clear();
      this.end({ state: "unavailable" }, `Nothing was checked: ${messageOf(error)}`);
      this.sources.open = true;
      return;
    }
    if (run !== this.run || !question) return;
    this.conclude(question, last);
  }

  /** What to verify, from the sources that the visitor chose. Throws what there is to say. */
  private async ask(): Promise<Question> {
    const { figure, api, superseded } = this.subject;
    const platform = await api.get<Platform>("/api/v1/platform");
    const base = this.server;
    const offered = platform.rpc_urls.map((url) => new URL(url, base).href);
    this.offered.replaceChildren(...offered.map((value) => h("option", { value })));
    const { rpc = offered[0] ?? "", gateway = "" } = chosen();
    this.rpc.value = rpc;
    this.gateway.value = gateway;
    const { chain_id: chainId, registry } = platform;
    if (!rpc) throw new Error(`choose a JSON-RPC endpoint of chain ${chainId} below.`);
    if (chainId === null || registry === null) throw new Error("the server names no registry yet.");
    const place = { platform: platform.platform, chainId, registry };
    const content = gateway
      ? gatewaySource(gateway)
      : apiSource(hostOf(base), (path) => api.bytes(path));
    const evidence = new Evidence(place, openRpc(rpc), content, {
      remembered: remembered(base),
    });
    return { figure, superseded, evidence, proof: () => proofOf(figure, api) };
  }

  private conclude(question: Question, last: StepResult | undefined): void {
    if (last?.state === "failed") {
      const text = `Failed at step ${last.number}, ${last.title}: ${last.error?.name}. Do not believe this figure.`;
      this.end({ state: "failed", step: last.title }, text);
    } else if (last?.state === "unavailable") {
      this.end({ state: "unavailable" }, `Not checked: no answer at step ${last.number}, ${last.title}.`);
      this.sources.open = true;
    } else {
      remember(this.server, question.evidence.place);
      this.end({ state: "verified" }, "Verified: what you see is what is on record.");
    }
    const known = remembered(this.server);
    const host = hostOf(this.server);
    this.below.replaceChildren(
      ...(hostOf(this.rpc.value) === host ? [ownNode(host)] : []),
      ...(last?.error?.name === "WrongRegistry" && known
        ? [
            h("p", null, h("button", {
              type: "button", class: "button button-small",
              onclick: () => {
                forget(this.server);
                void this.start();
              },
            }, `Forget registry ${known.registry.slice(0, 8)}… and verify again`)),
          ]
        : []),
      h("p", { class: "step-note" }, "Everything else about that day, the proof included, checks:"),
      h("p", { class: "command" },
        copyable(commandFor(question, this.rpc.value, this.gateway.value || "GATEWAY"), "command", true)),
    );
  }

  private end(outcome: Outcome, text: string): void {
    delete this.dialog.dataset.running;
    this.say(outcome.state, text);
    this.report(outcome);
  }

  private say(state: Outcome["state"], text: string): void {
    this.dialog.dataset.state = state;
    this.verdict.textContent = text;
  }

  private buildSources(): HTMLDetailsElement {
    const submit = (event: Event): void => {
      event.preventDefault();
      choose(this.rpc.value.trim(), this.gateway.value.trim());
      void this.start();
    };
    return h(
      "details",
      { class: "sources" },
      h("summary", null, "Where this browser reads from"),
      h("form", { onsubmit: submit },
        h("label", { for: this.rpc.id }, "JSON-RPC endpoint of the chain"),
        this.rpc, this.offered,
        h("label", { for: this.gateway.id }, "Trustless IPFS gateway for the files; empty: this server"),
        this.gateway,
        h("p", { class: "step-note" },
          "A gateway cannot alter a file; a node is believed about the chain's state alone. Each of them sees ",
          "your address. Remembered in this browser."),
        h("button", { type: "submit", class: "button button-primary" }, "Verify again")),
    );
  }
}

const ownNode = (server: string): HTMLElement =>
  h("p", { class: "step-note" },
    `The records came from ${server} itself, whose operator could make up a whole chain. Choose a node `,
    "of your own below.");

/** The proof that came with the figure, or the API's answer for it. */
async function proofOf(figure: Figure, api: ApiClient): Promise<InclusionProof> {
  const { proof, day, revision, scope, key, metric } = figure;
  if (proof?.siblings) return { ...proof, siblings: proof.siblings };
  const path = `/api/v1/days/${day}/revisions/${revision}/proof`;
  return api.get<InclusionProof>(path, { scope, key: key || undefined, metric });
}

function describe({ value, error_95, unit, scope, key, metric, day, revision }: Figure): Child {
  const number = new Intl.NumberFormat(undefined, { maximumFractionDigits: 3 });
  const shown =
    value === null ? "suppressed" : `${number.format(value)} ± ${number.format(error_95)} ${unit}`;
  return `${shown}: ${metric} of ${scope}${key ? ` ${key}` : ""}, ${day}, revision ${revision}`;
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
