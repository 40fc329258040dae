// One creator: totals and days, where the audience lives, and the creator's videos.
import { readDays } from "../api/days";
import { requireDays } from "../api/subject";
import type { Creator } from "../api/types";
import { link, type Context, type PageContent } from "../app";
import { barList } from "../charts/bars";
import { chartCard } from "../charts/card";
import { h } from "../ui/dom";
import { derivedView, figureView, totalView } from "../ui/figure";
import { day as dayText } from "../ui/format";
import { pageHead } from "../ui/head";
import { continentName } from "../ui/names";
import { daysBefore } from "../ui/range";
import { table } from "../ui/table";
import { averageMetric, publishedMetric, threshold } from "../ui/tiles";
import { trend, type Metric } from "../ui/trend";
import { noDays } from "./trust";

export async function creatorPage(context: Context): Promise<PageContent> {
  const {
    api,
    range,
    signal,
    parameters: [id = ""],
  } = context;
  const path = `/api/v1/creators/${encodeURIComponent(id)}`;
  const before = daysBefore(context);
  const [creator, earlier, days] = await Promise.all([
    api.get<Creator>(path, range, signal),
    before && api.get<Creator>(path, { ...before, proofs: "none" }, signal).catch(() => null),
    readDays(api, range, signal),
  ]);
  for (const { day, revision, figures, audience } of creator.days) {
    const continents = Object.entries(audience).map(([key, each]) => [`viewers_${key}`, each]);
    const all = { ...figures, ...Object.fromEntries(continents) } as typeof figures;
    requireDays([{ day, revision, figures: all }], { scope: "creator", key: id });
  }
  const head = pageHead(context, {
    title: id,
    above: h("a", { href: link(context, "/creators") }, "Creators"),
    range: true,
  });
  if (creator.days.length === 0) return { title: id, body: [head, noDays(context)] };
  return {
    title: id,
    body: [
      head,
      trend(context, {
        title: `Creator ${id}`,
        metrics: metricsOf(context, creator, earlier),
        days,
      }),
      audienceCard(context, creator),
      videosCard(context, creator),
    ],
  };
}

function metricsOf(
  context: Context,
  { creator_id, days, totals }: Creator,
  earlier: Creator | null,
): Metric[] {
  const subject = { scope: "creator", key: creator_id, days } as const;
  return [
    publishedMetric(
      context,
      subject,
      {
        key: "viewers",
        name: "Viewers",
        kind: "viewers",
        about: "Who played any of this creator's videos, each counted once a day.",
      },
      totals.viewers,
      earlier?.totals.viewers,
    ),
    publishedMetric(
      context,
      subject,
      {
        key: "watch_seconds",
        name: "Watch time",
        kind: "seconds",
        about: "Time watched of all videos; of each viewer at most an hour a day counts.",
      },
      totals.watch_seconds,
      earlier?.totals.watch_seconds,
    ),
    averageMetric(subject, totals),
  ];
}

function audienceCard(context: Context, { creator_id, days, totals }: Creator): HTMLElement {
  const least = threshold(context, "creator", "viewers_eu");
  const order = Object.entries(totals.audience).toSorted(
    ([, a], [, b]) => (b?.value ?? -1) - (a?.value ?? -1),
  );
  return chartCard(context.api, {
    title: "Audience by continent",
    about: "Where the address of a viewer's first play belongs to, summed over these days.",
    chart: barList(
      "Viewers by continent",
      "viewers",
      order.map(([continent, total]) => ({
        label: continentName(continent.replace("viewers_", "")),
        value: total?.value ?? null,
        error: total?.error_95 ?? 0,
        threshold: least,
        ...(total?.missing_days && { note: "at least" }),
      })),
    ),
    table: () =>
      table(
        "Viewers by day and continent",
        [
          { name: "Day", cell: ({ day }: Creator["days"][number]) => dayText(day, "weekday") },
          ...order.map(([continent]) => ({
            name: continentName(continent.replace("viewers_", "")),
            numeric: true,
            cell: ({ audience }: Creator["days"][number]) =>
              figureView(audience[continent], context.api),
          })),
        ],
        days.toReversed(),
      ),
    csv: {
      path: "/api/v1/figures",
      query: { scope: "creator", key: creator_id, ...context.range, proofs: "none" },
      name: `audience-${creator_id}`,
    },
  });
}

function videosCard(context: Context, { videos, creator_id }: Creator): HTMLElement {
  const least = (metric: string): number | undefined => threshold(context, "video", metric);
  return h(
    "section",
    { class: "card", "aria-label": "Videos of this creator" },
    h(
      "header",
      { class: "card-head" },
      h("div", null, h("h2", null, "Videos"), h("p", null, `Those of ${creator_id}, by viewers.`)),
    ),
    table(
      "Videos of this creator",
      [
        {
          name: "Video",
          cell: ({ video_id }: Creator["videos"][number]) =>
            h("a", { href: link(context, `/videos/${encodeURIComponent(video_id)}`) }, video_id),
        },
        {
          name: "Viewers",
          numeric: true,
          cell: ({ viewers }) => totalView("viewers", viewers, least("viewers")),
        },
        {
          name: "Watch time",
          numeric: true,
          cell: ({ watch_seconds }) => totalView("seconds", watch_seconds, least("watch_seconds")),
        },
        {
          name: "Average",
          numeric: true,
          cell: ({ average_watch_seconds }) => derivedView("duration", average_watch_seconds),
        },
        {
          name: "Completed",
          numeric: true,
          cell: ({ completion }) => derivedView("share", completion),
        },
      ],
      videos,
    ),
  );
}
