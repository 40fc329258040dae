// Where a stranger checks figures: any figure by its name, what a click does, the command that
// checks everything, and the badge for other pages. The verifier itself is behind the badge.
import { readAll } from "../api/days";
import { requireAbout } from "../api/subject";
import type { Figure, PolicyQuery, Scope } from "../api/types";
import type { Context, PageContent } from "../app";
import { copyable } from "../badge/steps";
import { announce } from "../ui/announce";
import { h } from "../ui/dom";
import { figureView } from "../ui/figure";
import { day as dayText } from "../ui/format";
import { pageHead } from "../ui/head";
import { metricName, reservationName, SCOPE_NAMES } from "../ui/names";
import { table } from "../ui/table";
import { plainCard } from "./operations";
import { fact, nothingYet } from "./trust";

const STEPS: readonly (readonly [title: string, words: string])[] = [
  [
    "Row and path",
    "The numbers that you see are a row; its hash and the path beside it lead to a root.",
  ],
  [
    "Records on chain",
    "Your node hands out the registry's events; they hash to the head that the contract holds.",
  ],
  [
    "Release of the day",
    "That root is on record for the day, in its newest revision, and no revision is missing.",
  ],
  [
    "Report by its CID",
    "The report has the CID on record, one reading and that root, and the row stands in it once.",
  ],
  [
    "Report header",
    "It repeats platform, day, revision and what was committed to before the noise could be known.",
  ],
  [
    "Noise and budget",
    "The policy is the one committed to; error, threshold and ε of the figure follow from it.",
  ],
  ["Beacon", "The randomness came from a block after the commit."],
  [
    "Zero-knowledge proof",
    "Not checked in a browser: the panel says who checked it, and the command that does.",
  ],
];

export async function verifyPage(context: Context): Promise<PageContent> {
  const title = "Verify";
  const head = pageHead(context, {
    title,
    about:
      "A badge stands beside every published figure. A click checks it in your browser, against a node and a gateway that you choose. What it checks, you need not take from this server.",
  });
  const { latest } = context.platform;
  if (!latest) return { title, body: [head, nothingYet()] };
  return {
    title,
    body: [
      head,
      await figureCard(context, latest.day),
      h(
        "div",
        { class: "grid grid-2" },
        stepsCard(),
        h("div", { class: "stack" }, elsewhereCard(context), embedCard(context)),
      ),
    ],
  };
}

async function figureCard(context: Context, newest: string): Promise<HTMLElement> {
  const { query, api, signal, platform } = context;
  const scope = (query.get("scope") ?? "platform") as Scope;
  const on = query.get("day") ?? newest;
  const key = query.get("key") ?? "";
  const metric = query.get("metric") ?? "";
  const asked = { scope, key, metric, from: on, to: on, limit: 200 };
  const figures = await readAll<Figure>(api, "/api/v1/figures", asked, signal, 1);
  const subject = { scope, key: key || undefined, metric: metric || undefined, day: on };
  for (const figure of figures) requireAbout(figure, subject);
  return plainCard(
    "Check a figure",
    "Choose what it is about; the address of this page then leads others to the same figures.",
    form(context, platform.policy?.queries ?? [], { scope, key, metric, on }),
    figures.length
      ? table(
          "Figures found",
          [
            {
              name: "Figure",
              cell: (figure: Figure) => [
                figure.key && `${figure.key}: `,
                metricName(figure.metric),
              ],
            },
            { name: "Day", cell: ({ day, revision }) => `${dayText(day)}, revision ${revision}` },
            { name: "Value", numeric: true, cell: (figure) => figureView(figure, api) },
          ],
          figures,
        )
      : h("p", { class: "state" }, "No such figure was released. Check key and day."),
  );
}

interface Asked {
  scope: string;
  key: string;
  metric: string;
  on: string;
}

function form(context: Context, queries: readonly PolicyQuery[], asked: Asked): HTMLElement {
  const metrics = queries
    .filter(({ scope }) => scope === asked.scope)
    .flatMap((each) => each.metrics);
  const scope = choice("Scope", "scope", Object.keys(SCOPE_NAMES), asked.scope);
  const metric = choice("Figure", "metric", ["", ...metrics], asked.metric);
  const key = h("input", { id: "key", type: "text", value: asked.key, spellcheck: "false" });
  const on = h("input", { id: "on", type: "date", value: asked.on });
  const show = (event: Event): void => {
    event.preventDefault();
    // another scope has other keys and figures
    const same = scope.value === asked.scope;
    context.visit("/verify", {
      scope: scope.value,
      key: same ? key.value || null : null,
      metric: same ? metric.value || null : null,
      day: on.value || null,
    });
  };
  scope.addEventListener("change", show);
  return h(
    "form",
    { class: "fields", onsubmit: show },
    field("Scope", scope),
    asked.scope !== "platform" && field("Key", key),
    field("Figure", metric),
    field("Day", on),
    h("button", { class: "button button-primary", type: "submit" }, "Show"),
  );
}

const field = (label: string, control: HTMLElement): HTMLElement =>
  h("div", { class: "field" }, h("label", { for: control.id }, label), control);

function choice(
  label: string,
  id: string,
  values: readonly string[],
  chosen: string,
): HTMLSelectElement {
  const name = (value: string): string =>
    value === "" ? "All" : (SCOPE_NAMES[value as Scope] ?? metricName(value));
  return h(
    "select",
    { id, "aria-label": label },
    values.map((value) => h("option", { value, selected: value === chosen }, name(value))),
  );
}

function stepsCard(): HTMLElement {
  return plainCard(
    "What a click checks",
    "Step by step, stopping at the first lie and naming it.",
    h(
      "ol",
      { class: "numbered" },
      STEPS.map(([title, words]) =>
        h("li", null, h("strong", null, title), h("span", null, words)),
      ),
    ),
  );
}

function elsewhereCard({ platform }: Context): HTMLElement {
  const { latest, registry, chain_id, rpc_urls } = platform;
  const day = latest?.day ?? "DAY";
  const node = rpc_urls.map((url) => new URL(url, location.origin).href)[0] ?? "NODE";
  const command = `analytics-pipeline verify ${platform.platform} ${day} --chain ${node} --registry ${registry} --gateway GATEWAY`;
  const reservations = latest?.verification.reservations ?? [];
  return plainCard(
    "Everything about a day",
    "On your own machine, the proof included; with a folder instead of a platform it works offline.",
    snippet(command, "command"),
    h(
      "dl",
      { class: "facts" },
      fact("Chain", String(chain_id ?? "–")),
      fact("Registry", copyable(registry ?? "–", "registry")),
      platform.head && fact("Head", copyable(platform.head, "head")),
      reservations.length > 0 &&
        fact("With a reservation", reservations.map(reservationName).join("; ")),
    ),
  );
}

function embedCard({ platform }: Context): HTMLElement {
  const attributes = `data-platform="${platform.platform}" data-metric="viewers" data-days="30"`;
  return plainCard(
    "On your own page",
    "This badge and chart verify themselves where they stand.",
    snippet(`<script src="${location.origin}/embed.js" ${attributes}></script>`, "snippet"),
  );
}

/** Text to be used elsewhere, with a button that copies it. */
function snippet(text: string, what: string): HTMLElement {
  const copy = async (): Promise<void> => {
    await navigator.clipboard.writeText(text);
    announce(`The ${what} is copied`);
  };
  return h(
    "div",
    { class: "snippet" },
    h("pre", null, text),
    h(
      "button",
      { class: "button button-small", type: "button", onclick: () => void copy() },
      `Copy the ${what}`,
    ),
  );
}
