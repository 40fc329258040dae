// What the figures may tell of a viewer: epsilon in plain words, the budget of days and of 30 days,
// what is suppressed, and of each figure its error and share.
import type { Budget, PolicySummary } from "../api/types";
import { link, type Context, type PageContent } from "../app";
import { dayColumns, windowBar } from "../charts/budget";
import { chartCard } from "../charts/card";
import { h, type Child } from "../ui/dom";
import { count, day as dayText, decimal, percent } from "../ui/format";
import { pageHead } from "../ui/head";
import { table } from "../ui/table";
import { queriesCard } from "./queries";
import { fact, nothingYet } from "./trust";

export async function privacyPage(context: Context): Promise<PageContent> {
  const { api, signal, platform } = context;
  const title = "Privacy";
  const head = pageHead(context, {
    title,
    about:
      "Every figure has noise, drawn so that it hides any single viewer. What that costs is counted, and capped.",
  });
  const { latest } = platform;
  const budget = await api.get<Budget>("/api/v1/budget", {}, signal);
  if (!latest || budget.days.length === 0) return { title, body: [head, nothingYet()] };
  return {
    title,
    body: [
      head,
      epsilonCard(latest.epsilon_of_the_day, budget),
      h("div", { class: "grid grid-2" }, daysCard(context, budget), windowCard(context, budget)),
      await queriesCard(context, latest),
    ],
  };
}

function epsilonCard(epsilon: number, { delta, thirty_days }: Budget): HTMLElement {
  const factor = Math.exp(epsilon);
  return h(
    "section",
    { class: "card hero", "aria-labelledby": "epsilon" },
    h(
      "p",
      { class: "hero-figure" },
      h("span", { class: "hero-symbol" }, "ε"),
      " ",
      h("span", { class: "hero-value" }, decimal(epsilon, 2)),
      h("span", { class: "hero-unit" }, "for one day of one viewer"),
    ),
    h(
      "div",
      { class: "hero-words" },
      h("h2", { id: "epsilon" }, "What epsilon means"),
      h(
        "p",
        null,
        "Suppose somebody wonders whether you watched on a given day, and reads every figure ever released of that day. ",
        "Whatever they held the odds to be before, the figures can change these odds by a factor of at most ",
        h("strong", null, "e", h("sup", null, "ε"), ` ≈ ${decimal(factor, 0)}`),
        ", and most of the time by far less; ",
        `except with a chance of 1 in ${count(Math.round(1 / delta))} (δ).`,
      ),
      thirty_days &&
        h(
          "p",
          null,
          "For somebody who watched on every one of 30 days, and was the same viewer each time, it has added up to at most ",
          h("strong", null, `ε ${decimal(thirty_days.epsilon, 2)}`),
          " so far. A smaller ε means more noise and a stronger promise; ε = 0 would tell nothing at all.",
        ),
      h(
        "p",
        null,
        "A viewer is one device on one day. Names, addresses and wallets are stored nowhere.",
      ),
    ),
  );
}

function daysCard(context: Context, budget: Budget): HTMLElement {
  const { caps } = budget;
  const cap = caps?.per_day;
  const first = caps
    ? `A release spends ${percent(caps.per_release / caps.per_day)} of it; a correction needs as much again. `
    : "";
  return chartCard(context.api, {
    title: "Each day's budget",
    about: `${first}Nothing is ever given back.`,
    chart: dayColumns({ ...budget, days: budget.days.slice(-30) }),
    table: () =>
      table(
        "Budget of each day",
        [
          {
            name: "Day",
            cell: ({ day }: Budget["days"][number]) =>
              h("a", { href: link(context, `/days/${day}`) }, dayText(day)),
          },
          { name: "Releases", numeric: true, cell: ({ releases }) => count(releases) },
          { name: "Spent (ρ)", numeric: true, cell: ({ rho_spent }) => decimal(rho_spent, 3) },
          { name: "Left (ρ)", numeric: true, cell: ({ rho_left }) => decimal(rho_left, 3) },
          { name: "ε", numeric: true, cell: ({ epsilon }) => decimal(epsilon, 2) },
        ],
        budget.days.toReversed(),
      ),
    csv: {
      name: "budget",
      rows: () => [
        ["day", "releases", "rho_spent", "rho_left", "epsilon"],
        ...budget.days.map((each) => [
          each.day,
          each.releases,
          each.rho_spent,
          each.rho_left,
          each.epsilon,
        ]),
      ],
    },
    detail:
      cap &&
      h(
        "p",
        { class: "note" },
        `The cap is ρ ${decimal(cap, 3)} a day. ρ is the unit in which spends add up; ε says what they mean.`,
      ),
  });
}

function windowCard(context: Context, budget: Budget): HTMLElement {
  const window = budget.thirty_days;
  return chartCard(context.api, {
    title: "Over 30 days",
    about: window
      ? `The fullest 30 days: ${dayText(window.first_day)} to ${dayText(window.last_day)}.`
      : "Not known without a verified day.",
    chart: window && windowBar(window),
    csv: window && {
      name: "budget-30-days",
      rows: () => [Object.keys(window), Object.values(window)],
    },
    detail: [
      window && h("p", { class: "note" }, windowWords(window)),
      context.platform.policy && boundsView(context.platform.policy),
    ],
  });
}

/** What a viewer-day counts at most, which is what noise has to hide. */
function boundsView({ bounds }: PolicySummary): HTMLElement {
  const minutes = (name: string): string => `${count(Math.round((bounds[name] ?? 0) / 60))} min`;
  const named = [
    ["Videos", count(bounds.videos_per_viewer_day ?? 0)],
    ["Of each video", minutes("seconds_per_video")],
    ["Of a day", minutes("seconds_per_day")],
  ] as const;
  return h(
    "div",
    { class: "bounds" },
    h("h3", null, "What one viewer’s day counts at most"),
    h(
      "dl",
      { class: "facts facts-inline" },
      named.map(([name, value]) => fact(name, value)),
    ),
  );
}

function windowWords({
  rho_spent,
  rho_left,
  rho_cap,
  epsilon,
}: NonNullable<Budget["thirty_days"]>): Child {
  return (
    `Spent are ${percent(rho_spent / rho_cap)} of what a viewer of 30 days may lose, ε ${decimal(epsilon, 2)}. ` +
    (rho_left > 0
      ? "Verification fails, for everybody, if the operator spends more."
      : "No correction is possible before a day with room of its own.")
  );
}
