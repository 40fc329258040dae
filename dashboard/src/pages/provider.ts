// One storage provider: viewers over days, and the histograms of one day.
import { readDays } from "../api/days";
import { requireAbout, requireBins } from "../api/subject";
import type { Figure, Provider, ProviderDay, Share } from "../api/types";
import { link, type Context, type PageContent } from "../app";
import { chartCard } from "../charts/card";
import { columns } from "../charts/columns";
import { ofFigure, ofShare } from "../charts/days";
import { dayChoice } from "../ui/choice";
import { h, type Child } from "../ui/dom";
import { figureView, tooFew, totalView } from "../ui/figure";
import { day as dayText, percent } from "../ui/format";
import { pageHead } from "../ui/head";
import { providerName, rebufferBins, rebufferRange, startupBins, startupRange } from "../ui/names";
import { table } from "../ui/table";
import { threshold, totalNote } from "../ui/tiles";
import { trend, type Metric } from "../ui/trend";
import { noDays } from "./trust";

export async function providerPage(context: Context): Promise<PageContent> {
  const {
    api,
    range,
    signal,
    query,
    parameters: [key = ""],
  } = context;
  const [provider, days] = await Promise.all([
    api.get<Provider>(`/api/v1/storage-providers/${encodeURIComponent(key)}`, range, signal),
    readDays(api, range, signal),
  ]);
  for (const { day, revision, viewers, startup, rebuffer } of provider.days) {
    const subject = { scope: "provider", key, day, revision } as const;
    requireAbout(viewers, { ...subject, metric: "viewers" });
    requireBins(startup, subject, (bin) => `startup_${bin}`);
    requireBins(rebuffer, subject, (bin) => `rebuffer_${bin}`);
  }
  const title = providerName(key);
  const head = pageHead(context, {
    title,
    above: h("a", { href: link(context, "/storage") }, "Storage"),
    range: true,
  });
  const wanted = query.get("bins");
  const chosen = provider.days.find(({ day }) => day === wanted) ?? provider.days.at(-1);
  if (!chosen) return { title, body: [head, noDays(context)] };
  const startup = startupBins(provider.startup_edges_ms);
  const rebuffer = rebufferBins(provider.rebuffer_edges_permille);
  return {
    title,
    body: [
      head,
      trend(context, {
        title,
        days,
        metrics: [
          {
            key: "viewers",
            name: "Viewers",
            kind: "viewers",
            about: "Viewers whose first play of the day came from this provider.",
            total: totalView(
              "viewers",
              provider.totals.viewers,
              threshold(context, "provider", "viewers"),
            ),
            note: totalNote(context, provider.totals.viewers, null),
            values: provider.days.map(({ viewers }) => ofFigure(viewers)),
            figures: (on) => [provider.days.find(({ day }) => day === on)?.viewers],
            csv: { scope: "provider", key, metric: "viewers" },
          },
          shareMetric(
            provider,
            "started",
            "Started within a second",
            "Share of viewers whose first frame came in less than 1 s, with the range that holds it in 95 of 100 cases.",
            ({ startup_below_ms }) => startup_below_ms["1000"] ?? null,
          ),
          shareMetric(
            provider,
            "steady",
            "Never stalled",
            "Share of viewers for whom nothing stopped, with the range that holds it in 95 of 100 cases.",
            ({ rebuffer_below_permille }) => rebuffer_below_permille["0"] ?? null,
          ),
        ],
      }),
      dayChoice(
        context,
        "bins",
        "Histograms of",
        provider.days.map(({ day }) => day),
        chosen.day,
      ),
      h(
        "div",
        { class: "grid grid-2" },
        histogram(
          context,
          key,
          chosen,
          "Start-up time, seconds",
          "From play to the first frame.",
          startup,
          chosen.startup,
          quantiles(chosen.startup_ms, startupRange),
        ),
        histogram(
          context,
          key,
          chosen,
          "Time stalled, percent",
          "Share of a viewer's time that the player waited for data.",
          rebuffer,
          chosen.rebuffer,
          quantiles(chosen.rebuffer_permille, rebufferRange),
        ),
      ),
    ],
  };
}

function shareMetric(
  { provider, days }: Provider,
  key: string,
  name: string,
  about: string,
  shareOf: (day: ProviderDay) => Share,
): Metric {
  const view = (share: Share): Child =>
    share
      ? [
          h("span", { class: "figure-value" }, percent(share.value)),
          " ",
          h("span", { class: "figure-error" }, `${percent(share.low)} – ${percent(share.high)}`),
        ]
      : tooFew();
  const latest = days.at(-1);
  return {
    key,
    name,
    kind: "share",
    about,
    total: latest && view(shareOf(latest)),
    note: latest && `on ${dayText(latest.day, "short")}`,
    values: days.map((each) => ofShare(each.day, shareOf(each))),
    figures: () => [],
    computed: (on) => {
      const found = days.find(({ day }) => day === on);
      return view(found ? shareOf(found) : null);
    },
    csv: { scope: "provider", key: provider },
  };
}

function histogram(
  context: Context,
  key: string,
  { day }: ProviderDay,
  title: string,
  about: string,
  labels: readonly string[],
  figures: readonly Figure[],
  detail: Child,
): HTMLElement {
  const bins = labels.map((label, index) => ({ label, figure: figures[index] }));
  return chartCard(context.api, {
    title,
    about: [about, " Hatched bins are ", tooFew(figures[0]?.threshold), "."],
    chart: columns(`${title} on ${dayText(day, "long")}, viewers`, bins),
    table: () =>
      table(
        `${title} on ${dayText(day, "long")}`,
        [
          { name: title, cell: ({ label }: (typeof bins)[number]) => label },
          { name: "Viewers", numeric: true, cell: ({ figure }) => figureView(figure, context.api) },
        ],
        bins,
      ),
    csv: {
      path: "/api/v1/figures",
      query: { scope: "provider", key, from: day, to: day, proofs: "none" },
      name: `${key}-${day}`,
    },
    detail,
  });
}

function quantiles(
  ranges: ProviderDay["startup_ms"],
  write: (low: number, high: number | null) => string,
): HTMLElement {
  const named = [
    ["Half below", ranges.p50],
    ["Three quarters", ranges.p75],
    ["19 of 20", ranges.p95],
  ] as const;
  return h(
    "dl",
    { class: "facts facts-inline" },
    named.map(([name, range]) =>
      h(
        "div",
        null,
        h("dt", null, name),
        h("dd", null, range ? write(range.low, range.high) : tooFew()),
      ),
    ),
  );
}
