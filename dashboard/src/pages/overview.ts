// The platform at a glance: totals and trends, what stands behind them, who and where.
import type { ApiClient, Query } from "../api/client";
import { readDays } from "../api/days";
import { requireDays } from "../api/subject";
import type { CreatorItem, Page, PlatformFigures, RegionItem, VideoItem } from "../api/types";
import { link, type Context, type PageContent } from "../app";
import { barList } from "../charts/bars";
import { chartCard } from "../charts/card";
import { ofFigure } from "../charts/days";
import { h, type Child } from "../ui/dom";
import { tooFew, valueView } from "../ui/figure";
import { day as dayText, regionName } from "../ui/format";
import { pageHead } from "../ui/head";
import { daysBefore } from "../ui/range";
import { averageMetric, publishedMetric, threshold } from "../ui/tiles";
import { trend, type Metric } from "../ui/trend";
import { periodsCard } from "./periods";
import { noDays, nothingYet, trustCard } from "./trust";

const TOP = 6;

export async function overviewPage(context: Context): Promise<PageContent> {
  const { api, platform, range, signal } = context;
  const title = "Overview";
  if (platform.days === 0) return { title, body: [pageHead(context, { title }), nothingYet()] };
  const before = daysBefore(context);
  const [figures, earlier, days, videos, creators, regions] = await Promise.all([
    api.get<PlatformFigures>("/api/v1/platform/figures", range, signal),
    before &&
      api.get<PlatformFigures>("/api/v1/platform/figures", { ...before, proofs: "none" }, signal),
    readDays(api, range, signal),
    top<VideoItem>(api, "/api/v1/videos", range, signal),
    top<CreatorItem>(api, "/api/v1/creators", range, signal),
    top<RegionItem>(api, "/api/v1/regions", range, signal),
  ]);
  requireDays(figures.days, { scope: "platform", key: "" });
  const head = pageHead(context, {
    title,
    about: "What the audience did, without knowing any of its members.",
    range: true,
  });
  if (figures.days.length === 0) return { title, body: [head, noDays(context)] };
  return {
    title,
    body: [
      head,
      trend(context, { title: "Platform", metrics: metricsOf(context, figures, earlier), days }),
      h("div", { class: "grid grid-2" }, trustCard(context, days), periodsCard(context, figures)),
      h(
        "div",
        { class: "grid grid-3" },
        ranking(
          context,
          "Videos",
          "/videos",
          "video",
          videos.map((item) => [item.video_id, item]),
        ),
        ranking(
          context,
          "Creators",
          "/creators",
          "creator",
          creators.map((item) => [item.creator_id, item]),
        ),
        ranking(
          context,
          "Regions",
          "/regions",
          "region",
          regions.map((item) => [item.region, item]),
        ),
      ),
    ],
  };
}

async function top<Item>(
  api: ApiClient,
  path: string,
  range: Query,
  signal: AbortSignal,
): Promise<Item[]> {
  return (await api.get<Page<Item>>(path, { ...range, limit: TOP }, signal)).data;
}

function metricsOf(
  context: Context,
  figures: PlatformFigures,
  earlier: PlatformFigures | null,
): Metric[] {
  const { days, totals } = figures;
  const subject = { scope: "platform", key: "", days } as const;
  const old = earlier?.totals;
  return [
    publishedMetric(
      context,
      subject,
      {
        key: "viewers",
        name: "Viewers",
        kind: "viewers",
        about:
          "Who played something, each counted once a day. The band is the error that a figure keeps within in 95 of 100 cases.",
      },
      totals.viewers,
      old?.viewers,
    ),
    publishedMetric(
      context,
      subject,
      {
        key: "views",
        name: "Views",
        kind: "views",
        about: "Videos played, each once per viewer and day.",
      },
      totals.views,
      old?.views,
    ),
    publishedMetric(
      context,
      subject,
      {
        key: "watch_seconds",
        name: "Watch time",
        kind: "seconds",
        about: "Time watched; of each viewer at most 15 minutes of a video and an hour a day.",
      },
      totals.watch_seconds,
      old?.watch_seconds,
    ),
    averageMetric(subject, totals),
    peakMetric(context, figures),
  ];
}

function peakMetric(context: Context, { days }: PlatformFigures): Metric {
  const figures = days.flatMap(({ figures: { peak_viewers } }) =>
    peak_viewers ? [peak_viewers] : [],
  );
  const shown = figures.filter(({ value }) => value !== null);
  const highest = shown.toSorted((a, b) => (b.value ?? 0) - (a.value ?? 0))[0];
  return {
    key: "peak_viewers",
    name: "Most at once",
    kind: "viewers",
    about: "The largest number of viewers present at one instant of the day.",
    total: highest
      ? valueView("viewers", highest.value ?? 0, highest.error_95)
      : tooFew(threshold(context, "platform", "peak_viewers")),
    note: highest && `on ${dayText(highest.day, "short")}`,
    values: figures.map(ofFigure),
    figures: (on) => [figures.find(({ day }) => day === on)],
    csv: { scope: "platform", key: "", metric: "peak_viewers" },
  };
}

type Ranked = VideoItem | CreatorItem | RegionItem;

function ranking(
  context: Context,
  title: string,
  path: string,
  scope: string,
  items: readonly (readonly [string, Ranked])[],
): HTMLElement {
  const least = threshold(context, scope, "viewers");
  const name = (key: string): Child =>
    h(
      "a",
      { href: link(context, `${path}/${encodeURIComponent(key)}`) },
      scope === "region" ? regionName(key) : key,
    );
  return chartCard(context.api, {
    title,
    about: "Viewers, summed over these days; each day’s figure is behind the name.",
    chart: barList(
      `${title} by viewers`,
      "viewers",
      items.map(([key, { viewers }]) => ({
        label: name(key),
        value: viewers?.value ?? null,
        error: viewers?.error_95 ?? 0,
        threshold: least,
        ...(viewers?.missing_days && { note: "at least" }),
      })),
    ),
    csv: {
      path: "/api/v1/figures",
      query: { scope, metric: "viewers", ...context.range, proofs: "none" },
      name: `${scope}-viewers`,
    },
    detail: h("a", { class: "more", href: link(context, path) }, `All ${title.toLowerCase()}`),
  });
}
