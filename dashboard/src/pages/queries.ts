// Of each noisy question its error, threshold and share of the budget, and how many of its answers
// are too few to show. The counts come from the report itself.
import type { Day, PolicyQuery } from "../api/types";
import type { Context } from "../app";
import { chartCard } from "../charts/card";
import { h } from "../ui/dom";
import { bound, count, day as dayText, decimal, margin, percent } from "../ui/format";
import { metricName, SCOPE_NAMES } from "../ui/names";
import { table } from "../ui/table";

/** Reports beyond this many rows are not fetched for a count. */
const MOST_ROWS = 30_000;

interface ReportRow {
  scope: string;
  metric: string;
  value: number | null;
}

interface Counted {
  query: PolicyQuery;
  rows: number;
  suppressed: number;
}

export async function queriesCard(context: Context, latest: Day): Promise<HTMLElement> {
  const order = Object.keys(SCOPE_NAMES);
  const queries = (context.platform.policy?.queries ?? []).toSorted(
    (a, b) => order.indexOf(a.scope) - order.indexOf(b.scope),
  );
  const rows = await reportRows(context, latest);
  const total = queries.reduce((sum, { rho }) => sum + rho, 0);
  const counted = queries.map((query) => countRows(query, rows));
  return chartCard(context.api, {
    title: "What is shown, and how exactly",
    about: [
      "A figure is left out if it is below three times its noise: it would be mostly noise, and a small number might point at few. ",
      "That looks at the noised value, so leaving out costs no privacy.",
    ],
    chart: table(
      "Error, threshold and budget of each figure",
      [
        { name: "Figure", cell: ({ query }: Counted) => queryName(query) },
        {
          name: "Error (±)",
          numeric: true,
          cell: ({ query }) => margin(kindOf(query), query.error_95),
        },
        {
          name: "Shown from",
          numeric: true,
          cell: ({ query }) => bound(kindOf(query), query.threshold),
        },
        {
          name: "Share of budget",
          numeric: true,
          cell: ({ query: { rho } }) => shareBar(rho / total),
        },
        { name: "ε alone", numeric: true, cell: ({ query }) => decimal(query.epsilon, 2) },
        { name: `Too few, ${dayText(latest.day, "short")}`, numeric: true, cell: suppressedText },
      ],
      counted,
    ),
    csv: {
      path: "/api/v1/figures",
      query: { from: latest.day, to: latest.day, proofs: "none" },
      name: `figures-${latest.day}`,
    },
  });
}

async function reportRows(
  { api, signal }: Context,
  { day, revision, rows }: Day,
): Promise<ReportRow[] | null> {
  if (rows === null || rows > MOST_ROWS) return null;
  const path = `/api/v1/days/${day}/revisions/${revision}/bundle/report.json`;
  const report = await api.get<{ rows: ReportRow[] }>(path, {}, signal);
  return report.rows;
}

function countRows(query: PolicyQuery, rows: readonly ReportRow[] | null): Counted {
  const own = (rows ?? []).filter(
    ({ scope, metric }) => scope === query.scope && query.metrics.includes(metric),
  );
  return { query, rows: own.length, suppressed: own.filter(({ value }) => value === null).length };
}

const GROUPS: Record<string, string> = {
  furthest_bin: "retention",
  viewers_xx: "audience by continent",
  startup: "start-up time",
  rebuffer: "stalling",
};

function queryName({ scope, metrics: [first = ""], metrics }: PolicyQuery): HTMLElement {
  const stem = first.replace(/_\d+$/, "").replace(/^viewers_[a-z]{2}$/, "viewers_xx");
  const name = metrics.length > 1 ? (GROUPS[stem] ?? stem) : metricName(first).toLowerCase();
  return h("span", null, h("span", { class: "query-scope" }, `${SCOPE_NAMES[scope]}: `), name);
}

const kindOf = ({ metrics: [first] }: PolicyQuery) =>
  first === "watch_seconds" ? "seconds" : "viewers";

function shareBar(share: number): HTMLElement {
  return h(
    "span",
    { class: "mini-bar" },
    h(
      "span",
      { class: "mini-bar-track", "aria-hidden": "true" },
      h("span", { style: `width:${(share * 100 * 3).toFixed(1)}%` }),
    ),
    h("span", { class: "mini-bar-text" }, percent(share, 0)),
  );
}

function suppressedText({ rows, suppressed }: Counted): string {
  return rows === 0 ? "–" : `${count(suppressed)} of ${count(rows)}`;
}
