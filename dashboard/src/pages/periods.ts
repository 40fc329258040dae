// Viewers of weeks and months, each counted once: sums of those who are new on a day.
import type { DayFigures, PlatformFigures, Total } from "../api/types";
import { link, type Context } from "../app";
import { barList, type Bar } from "../charts/bars";
import { chartCard } from "../charts/card";
import { h } from "../ui/dom";
import { figureView } from "../ui/figure";
import { day as dayText, month } from "../ui/format";
import { metricName } from "../ui/names";
import { table } from "../ui/table";
import { threshold } from "../ui/tiles";

const MOST_WEEKS = 5;
const MOST_MONTHS = 3;

export function periodsCard(context: Context, figures: PlatformFigures): HTMLElement {
  const { days, weekly_viewers, monthly_viewers } = figures;
  const least = threshold(context, "platform", "first_of_week");
  const weeks = weekly_viewers.toReversed().slice(0, MOST_WEEKS);
  const months = monthly_viewers.toReversed().slice(0, MOST_MONTHS);
  const week = (first: string, last: string): string =>
    `${dayText(first, "short")} – ${dayText(last, "short")}`;
  return chartCard(context.api, {
    title: "Viewers, each once",
    about:
      "A device says on its first day of a week or month that it is new, so who comes back is not counted again.",
    chart: [
      h("h3", null, "By week"),
      barList(
        "Viewers by week",
        "viewers",
        weeks.map(({ first_day, last_day, viewers }) =>
          bar(week(first_day, last_day), viewers, 7, least),
        ),
      ),
      h("h3", null, "By month"),
      barList(
        "Viewers by month",
        "viewers",
        months.map((each) =>
          bar(month(each.month), each.viewers, Number(each.last_day.slice(8)), least),
        ),
      ),
    ],
    table: () =>
      table(
        "Viewers who are new in their week and month",
        [
          {
            name: "Day",
            cell: ({ day }: DayFigures) =>
              h("a", { href: link(context, `/days/${day}`) }, dayText(day, "weekday")),
          },
          ...["first_of_week", "first_of_month"].map((metric) => ({
            name: metricName(metric),
            numeric: true,
            cell: ({ figures: own }: DayFigures) => figureView(own[metric], context.api),
          })),
        ],
        days.toReversed(),
      ),
    csv: {
      path: "/api/v1/figures",
      query: { scope: "platform", ...context.range, proofs: "none" },
      name: "platform",
    },
  });
}

/** A sum is of the days that are shown, and says so where the period has more. */
function bar(label: string, viewers: Total, length: number, least: number | undefined): Bar {
  const shown = viewers ? viewers.days - viewers.missing_days : 0;
  return {
    label,
    value: viewers?.value ?? null,
    error: viewers?.error_95 ?? 0,
    threshold: least,
    ...(viewers && shown < length && { note: `${shown} of ${length} days:` }),
  };
}
