// Tiles of totals over one chart: a tile chooses what the chart shows, the chart chooses a day, and
// the line below says all about that day. Metric and day stand in the address.
import type { Context } from "../app";
import type { Day, Figure } from "../api/types";
import { chartCard } from "../charts/card";
import { dayPoints, dayTicks, type DayValue } from "../charts/days";
import { linePlot } from "../charts/plot";
import { h, type Child } from "./dom";
import { figureView } from "./figure";
import { day as dayText, dayNumber, dayOfNumber, type Kind } from "./format";
import { link } from "../app";
import { table } from "./table";

export interface Metric {
  key: string;
  name: string;
  kind: Kind;
  about: string;
  /** what stands on the tile, and below it */
  total: Child;
  note?: Child;
  values: readonly DayValue[];
  /** published figures that a day's value is, or is computed from */
  figures: (day: string) => (Figure | undefined)[];
  /** the day's value where it is not published but computed */
  computed?: (day: string) => Child;
  /** without `metric`: all figures of the key */
  csv: { scope: string; key: string; metric?: string };
}

export interface TrendOptions {
  title: string;
  metrics: readonly Metric[];
  /** releases of the days shown */
  days: readonly Day[];
}

export function trend(context: Context, { title, metrics, days }: TrendOptions): HTMLElement {
  const card = h("div", { class: "trend-card" });
  const wanted = context.query.get("metric");
  let shown = metrics.find(({ key }) => key === wanted) ?? metrics[0];
  const show = (metric: Metric): void => {
    shown = metric;
    card.replaceChildren(trendCard(context, title, metric, days));
  };
  if (shown) show(shown);
  return h(
    "div",
    { class: "trend" },
    h(
      "fieldset",
      { class: "tiles" },
      h("legend", { class: "visually-hidden" }, "Figure shown in the chart"),
      metrics.map((metric) =>
        h(
          "label",
          { class: "tile" },
          h("input", {
            type: "radio",
            name: "metric",
            id: `metric-${metric.key}`,
            value: metric.key,
            checked: metric === shown,
            onchange: () => {
              context.select({ metric: metric.key });
              show(metric);
            },
          }),
          h("span", { class: "tile-name" }, metric.name),
          h("span", { class: "tile-value" }, metric.total),
          metric.note && h("span", { class: "tile-note" }, metric.note),
        ),
      ),
    ),
    card,
  );
}

function trendCard(
  context: Context,
  title: string,
  metric: Metric,
  days: readonly Day[],
): HTMLElement {
  const points = dayPoints(metric.values);
  const wanted = context.query.get("day");
  const first = points[0]?.x ?? 0;
  const place = wanted ? dayNumber(wanted) - first : NaN;
  const selected = place >= 0 && place < points.length ? place : points.length - 1;
  const detail = h("div", { class: "detail" });
  const choose = (index: number): void => {
    const chosen = dayOfNumber(first + index);
    detail.replaceChildren(...dayDetail(context, metric, chosen, days));
  };
  const plot = linePlot({
    name: `${title}: ${metric.name} by day`,
    kind: metric.kind,
    points,
    ticks: dayTicks(points),
    selected,
    onSelect: (index) => {
      context.select({ day: dayOfNumber(first + index) });
      choose(index);
    },
  });
  choose(selected);
  const { scope, key, metric: name } = metric.csv;
  return chartCard(context.api, {
    title: metric.name,
    about: metric.about,
    chart: plot,
    table: () => trendTable(context, metric, days),
    csv: {
      path: "/api/v1/figures",
      query: { scope, key, metric: name, ...context.range, proofs: "none" },
      name: `${[scope, key, metric.key].filter(Boolean).join("-")}`,
    },
    detail,
  });
}

function dayDetail(context: Context, metric: Metric, chosen: string, days: readonly Day[]): Node[] {
  const release = days.find(({ day }) => day === chosen);
  const figures = metric.figures(chosen);
  const name = h(
    "a",
    { class: "detail-day", href: link(context, `/days/${chosen}`) },
    dayText(chosen, "long"),
  );
  if (!release) return [h("p", null, dayText(chosen, "long"), ": not released")];
  const published = figures.map((figure) => figureView(figure, context.api));
  const parts = metric.computed
    ? [
        metric.computed(chosen),
        published.length > 0 && h("span", { class: "detail-from" }, "from ", published),
      ]
    : published;
  return [h("p", null, name, revisionNote(release)), h("p", { class: "detail-figures" }, parts)];
}

/** "revision 2, corrects revision 1: late segments". */
export function revisionNote(release: Day): Child {
  const { revision, revisions, reason } = release;
  const before = revisions.filter((each) => each < revision).at(-1);
  if (before === undefined) return h("span", { class: "revision" }, `revision ${revision}`);
  return h(
    "span",
    { class: "revision revision-corrects" },
    `revision ${revision}, corrects revision ${before}${reason ? `: ${reason}` : ""}`,
  );
}

function trendTable(context: Context, metric: Metric, days: readonly Day[]): HTMLElement {
  const rows = metric.values.toReversed();
  const { computed } = metric;
  return table(
    `${metric.name} by day`,
    [
      {
        name: "Day",
        cell: ({ day }: DayValue) =>
          h("a", { href: link(context, `/days/${day}`) }, dayText(day, "weekday")),
      },
      {
        name: "Revision",
        cell: ({ day }) => String(days.find((each) => each.day === day)?.revision ?? "–"),
      },
      ...(computed
        ? [{ name: metric.name, numeric: true, cell: ({ day }: DayValue) => computed(day) }]
        : []),
      ...(computed && rows.every(({ day }) => metric.figures(day).length === 0)
        ? []
        : [
            {
              name: computed ? "From" : metric.name,
              numeric: true,
              cell: ({ day }: DayValue) =>
                metric.figures(day).map((figure) => figureView(figure, context.api)),
            },
          ]),
    ],
    rows,
  );
}
