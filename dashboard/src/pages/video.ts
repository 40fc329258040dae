// One video: totals, days, and how far its viewers came.
import { readDays } from "../api/days";
import { requireBins, requireDays } from "../api/subject";
import type { Day, Retention, Video } from "../api/types";
import { link, type Context, type PageContent } from "../app";
import { ofDerived } from "../charts/days";
import { h } from "../ui/dom";
import { derivedView } from "../ui/figure";
import { pageHead } from "../ui/head";
import { daysBefore } from "../ui/range";
import { averageMetric, publishedMetric } from "../ui/tiles";
import { trend, type Metric } from "../ui/trend";
import { retentionCard } from "./retention";
import { noDays } from "./trust";

export async function videoPage(context: Context): Promise<PageContent> {
  const {
    api,
    range,
    signal,
    parameters: [id = ""],
  } = context;
  const path = `/api/v1/videos/${encodeURIComponent(id)}`;
  const before = daysBefore(context);
  const [video, earlier, days] = await Promise.all([
    api.get<Video>(path, range, signal),
    before && api.get<Video>(path, { ...before, proofs: "none" }, signal).catch(() => null),
    readDays(api, range, signal),
  ]);
  requireDays(video.days, { scope: "video", key: id });
  const title = id;
  const head = pageHead(context, {
    title,
    above: h("a", { href: link(context, "/videos") }, "Videos"),
    about: [
      "By ",
      h(
        "a",
        { href: link(context, `/creators/${encodeURIComponent(video.creator_id)}`) },
        video.creator_id,
      ),
    ],
    range: true,
  });
  const chosen = retentionDay(context, video, days);
  if (!chosen) return { title, body: [head, noDays(context)] };
  const retention = await api.get<Retention>(`${path}/retention`, { day: chosen }, signal);
  requireBins(
    retention.bins,
    { scope: "video", key: id, day: chosen, revision: retention.revision },
    (bin) => `furthest_bin_${String(bin).padStart(2, "0")}`,
  );
  return {
    title,
    body: [
      head,
      trend(context, { title: `Video ${id}`, metrics: metricsOf(context, video, earlier), days }),
      retentionCard(context, video, retention),
      h(
        "p",
        { class: "note" },
        "The most viewers at once are released for the platform alone: of a single video they would be mostly noise.",
      ),
    ],
  };
}

/** The day of the address, or the newest one shown. */
function retentionDay(context: Context, video: Video, days: readonly Day[]): string | undefined {
  const known = video.days.map(({ day }) => day);
  const wanted = context.query.get("curve") ?? "";
  return known.includes(wanted) ? wanted : (known.at(-1) ?? days[0]?.day);
}

function metricsOf(context: Context, video: Video, earlier: Video | null): Metric[] {
  const { days, totals } = video;
  const subject = { scope: "video", key: video.video_id, days } as const;
  return [
    publishedMetric(
      context,
      subject,
      {
        key: "viewers",
        name: "Viewers",
        kind: "viewers",
        about:
          "Who played this video, each counted once a day. A viewer's plays of a day count as one.",
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
        about: "Time watched; of each viewer at most 15 minutes a day count.",
      },
      totals.watch_seconds,
      earlier?.totals.watch_seconds,
    ),
    averageMetric(subject, totals),
    {
      key: "completion",
      name: "Completed",
      kind: "share",
      about:
        "Share of the viewers who came into the last twentieth. Noise can make it a little more than all.",
      total: derivedView("share", totals.completion),
      note: "reached the end",
      values: days.map((each) => ofDerived(each.day, each.completion)),
      figures: () => [],
      computed: (on) =>
        derivedView("share", days.find(({ day }) => day === on)?.completion ?? null),
      csv: { scope: "video", key: video.video_id },
    },
  ];
}
