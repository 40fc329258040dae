// Metrics of days for tiles and trends, the same for platform, creators and videos.
import type { Context } from "../app";
import type { DayFigures, Total, Totals } from "../api/types";
import { ofDerived, ofFigure, type DayValue } from "../charts/days";
import { describeChange } from "./change";
import { h, type Child } from "./dom";
import { derivedView, totalView } from "./figure";
import { count, daysBetween, type Kind } from "./format";
import { chosenDays } from "./range";
import type { Metric } from "./trend";

/** What a figure's threshold is under the newest policy. */
export function threshold(context: Context, scope: string, metric: string): number | undefined {
  const queries = context.platform.policy?.queries ?? [];
  return queries.find((query) => query.scope === scope && query.metrics.includes(metric))
    ?.threshold;
}

interface Subject {
  scope: "platform" | "creator" | "video" | "provider";
  key: string;
  days: readonly DayFigures[];
}

export function publishedMetric(
  context: Context,
  { scope, key, days }: Subject,
  metric: { key: string; name: string; kind: Kind; about: string },
  total: Total,
  before: Total = null,
): Metric {
  const find = (on: string) => days.find(({ day }) => day === on)?.figures[metric.key];
  return {
    ...metric,
    total: totalView(metric.kind, total, threshold(context, scope, metric.key)),
    note: totalNote(context, total, before),
    values: days.flatMap(({ figures }) => {
      const figure = figures[metric.key];
      return figure ? [ofFigure(figure)] : [];
    }),
    figures: (on) => [find(on)],
    csv: { scope, key, metric: metric.key },
  };
}

export function averageMetric({ scope, key, days }: Subject, totals: Totals): Metric {
  const find = (on: string) => days.find(({ day }) => day === on);
  const values: DayValue[] = days.map((each) => ofDerived(each.day, each.average_watch_seconds));
  return {
    key: "average_watch_seconds",
    name: "Average watch time",
    kind: "duration",
    about:
      "Watch time per viewer and day: a ratio of two published figures, so its error holds both.",
    total: derivedView("duration", totals.average_watch_seconds),
    note: "per viewer and day",
    values,
    figures: (on) => [find(on)?.figures.watch_seconds, find(on)?.figures.viewers],
    computed: (on) => derivedView("duration", find(on)?.average_watch_seconds ?? null),
    csv: { scope, key },
  };
}

export function totalNote(context: Context, total: Total, before: Total): Child {
  if (!total) return null;
  if (total.missing_days)
    return `${count(total.missing_days)} of ${count(total.days)} days too few to show`;
  const change = describeChange(total, before);
  if (!change) return total.days === 1 ? "one day" : `over ${count(total.days)} days`;
  const { first, last } = chosenDays(context);
  const length = daysBetween(first, last);
  return h(
    "span",
    { class: `change change-${change.direction}` },
    `${change.text} the ${count(length)} days before`,
  );
}
