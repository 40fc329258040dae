// A badge, or a chart with one, on anybody's page: figures from a read API, verified where they are
// shown, against a JSON-RPC endpoint that the page names. Styles stay in a shadow tree.
//
//   <script src="https://stats.example/embed.js" data-platform="demo" data-metric="viewers" async></script>
//
// All days are held against the records (steps 1 to 3: row, records, release); the newest day's
// figure, which is the one written out, against report and policy too. docs/embed.md says how.
import type { Figure } from "../api/types";
import { stateIcon, STATE_WORDS, type BadgeState } from "../badge/state";
import { StepList } from "../badge/steps";
import { h } from "../ui/dom";
import { STEPS, verifyFigure, type StepResult } from "../verify/index";
import { sparkline } from "./chart";
import { dayBefore, loadSubject, type Subject } from "./data";
import styles from "./embed.css";
import { parseOptions, type EmbedOptions } from "./options";

const AGAINST_RECORDS = STEPS.slice(0, 3);
const UNITS = { viewers: "viewers", views: "views", seconds: "seconds watched" };

/** An element whose content has our styles and none of the page's. */
function sheltered(content: HTMLElement): HTMLElement {
  const host = h("div");
  const root = host.attachShadow({ mode: "open" });
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(styles); // no style element: a page's Content-Security-Policy may refuse those
  root.adoptedStyleSheets = [sheet];
  root.append(content);
  return host;
}

class Embed {
  readonly box = h("section", { class: "embed", lang: "en" });
  private readonly figure = h("p", { class: "value" });
  private readonly chart = h("div", { hidden: true });
  private readonly words = h("span", { role: "status" });
  private readonly seal = h("span", { class: "seal" });
  private readonly steps = new StepList(STEPS);
  private readonly notes = h("div", { class: "notes" });

  constructor(private readonly options: EmbedOptions) {
    const { title, metric, key, scope, platform, theme } = options;
    const name = title || [metric.replaceAll("_", " "), key || scope, platform].join(" · ");
    this.box.dataset.theme = theme;
    this.box.setAttribute("aria-label", name);
    this.box.append(
      h("p", { class: "title" }, name),
      this.figure,
      this.chart,
      h("details", null, h("summary", null, this.seal, this.words), this.steps.element, this.notes),
    );
    this.say("verifying");
  }

  async start(): Promise<void> {
    try {
      const subject = await loadSubject(this.options);
      this.draw(subject.figures);
      await this.verify(subject);
    } catch (error) {
      this.say("unavailable", error instanceof Error ? error.message : String(error));
    }
  }

  /** The newest figure by all steps, then the days before it against the records. */
  private async verify(subject: Subject): Promise<void> {
    const { figures, question, evidence, named, node } = subject;
    this.steps.clear(true);
    const [newest, ...older] = [...figures].reverse();
    for await (const result of verifyFigure(question(newest!))) {
      this.steps.add(result);
      if (this.ends(result, newest!)) return;
    }
    for (const figure of older) {
      for await (const result of verifyFigure(question(figure), AGAINST_RECORDS)) {
        if (this.ends(result, figure)) return this.steps.add(result);
      }
    }
    const { registry } = evidence.place;
    const where = `against registry ${registry.slice(0, 6)}…${registry.slice(-4)}`;
    this.say("verified", `${await this.completeness(subject)}${where}`);
    this.note(`Records were read from ${node}, on this page.`);
    if (named === "server") {
      this.note("This page names no registry of its own: which one it is, is the server's word.");
    }
    if (older.length) this.note("Reports and policies of the days before were not fetched.");
  }

  /** How many of the released days that were asked for the server has shown. */
  private async completeness({ figures, evidence }: Subject): Promise<string> {
    const { records } = await evidence.history();
    const released = records.filter(({ kind }) => kind === "release").map(({ day }) => day).sort();
    const newest = released.at(-1)!;
    const first = dayBefore(newest, this.options.days - 1);
    const wanted = new Set(released.filter((day) => day >= first)).size;
    const shown = figures.filter(({ day }) => day >= first).length;
    if (this.options.days > 1) return `${shown} of ${wanted} released days `;
    return shown ? "" : `an older day than the newest released, ${newest}, `;
  }

  /** Whether a result ends everything, after saying so. */
  private ends(result: StepResult, { day }: Figure): boolean {
    if (result.state === "failed") {
      this.say("failed", `${result.title}: ${result.error?.name}, ${day}. Do not believe this figure.`);
      return true;
    }
    if (result.state !== "unavailable") return false;
    this.say("unavailable", `${result.title}: ${result.error?.name}, ${day}`);
    return true;
  }

  private draw(figures: readonly Figure[]): void {
    const { value, error_95, unit, day, threshold } = figures.at(-1)!;
    const number = new Intl.NumberFormat();
    const date = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeZone: "UTC" });
    this.figure.replaceChildren(
      ...(value === null
        ? [`too few to show (fewer than ${number.format(threshold)})`]
        : [
            h("strong", null, number.format(value)), " ",
            h("span", null, `± ${number.format(Math.ceil(error_95))} ${UNITS[unit]}`),
          ]),
      h("span", { class: "day" }, `, ${date.format(Date.parse(day))}`),
    );
    this.chart.hidden = figures.length < 2;
    if (!this.chart.hidden) {
      const shown = figures.filter((figure) => figure.value !== null).length;
      this.chart.replaceChildren(sparkline(figures, `${shown} of ${figures.length} days shown, with errors`));
    }
  }

  private say(state: BadgeState, text = ""): void {
    this.box.dataset.state = state;
    this.seal.replaceChildren(stateIcon(state));
    this.words.textContent = [STATE_WORDS[state], text].filter(Boolean).join(": ");
  }

  private note(text: string): void {
    this.notes.append(h("p", null, text));
  }
}

/** Puts a badge behind the script tag, or into badge.html by its address. */
function mount(script: HTMLScriptElement): void {
  const query = script.hasAttribute("data-from-address") ? new URLSearchParams(location.search) : null;
  const given = (name: string): string | null =>
    query ? query.get(name) : script.getAttribute(`data-${name}`);
  try {
    const embed = new Embed(parseOptions(given, script.src));
    script.after(sheltered(embed.box));
    void embed.start();
  } catch (error) {
    const problem = `Viewership badge: ${(error as Error).message}`;
    script.after(sheltered(h("p", { class: "embed", role: "alert" }, problem)));
  }
}

if (document.currentScript instanceof HTMLScriptElement) mount(document.currentScript);
