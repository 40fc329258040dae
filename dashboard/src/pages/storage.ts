// Storage providers side by side: who served how many, how fast, how steadily. Quantiles and shares
// come as the ranges that hold them in 95 of 100 cases.
import { readAll } from "../api/days";
import type { ProviderItem, QuantileRange, Share } from "../api/types";
import { link, type Context, type PageContent } from "../app";
import { barList } from "../charts/bars";
import { chartCard } from "../charts/card";
import { quantileSpan, shareSpan, spanList } from "../charts/spans";
import { h, type Child } from "../ui/dom";
import { tooFew } from "../ui/figure";
import { day as dayText, percent } from "../ui/format";
import { pageHead } from "../ui/head";
import { providerName, rebufferRange, startupRange } from "../ui/names";
import { table } from "../ui/table";
import { threshold } from "../ui/tiles";
import { noDays } from "./trust";

const STARTUP_EDGES = [250, 500, 1000, 2000, 4000, 8000];
const REBUFFER_EDGES = [0, 5, 10, 20, 50, 100, 200];

export async function storagePage(context: Context): Promise<PageContent> {
  const { api, range, signal } = context;
  const items = await readAll<ProviderItem>(api, "/api/v1/storage-providers", range, signal);
  const title = "Storage";
  const head = pageHead(context, {
    title,
    about:
      "Where videos came from, how long viewers waited for the first frame, and how steadily it ran.",
    range: true,
  });
  const known = items.filter(({ latest }) => latest !== null);
  const on = known[0]?.latest?.day;
  if (!on) return { title, body: [head, noDays(context)] };
  return { title, body: [head, viewersCard(context, items), ...measures(context, known, on)] };
}

function viewersCard(context: Context, items: readonly ProviderItem[]): HTMLElement {
  return chartCard(context.api, {
    title: "Viewers by provider",
    about: "By the provider of a viewer's first play of the day, summed over these days.",
    chart: barList(
      "Viewers by provider",
      "viewers",
      items.map(({ provider, viewers }) => ({
        label: providerLink(context, provider),
        value: viewers?.value ?? null,
        error: viewers?.error_95 ?? 0,
        threshold: threshold(context, "provider", "viewers"),
        ...(viewers?.missing_days && { note: "at least" }),
      })),
    ),
    csv: {
      path: "/api/v1/figures",
      query: { scope: "provider", metric: "viewers", ...context.range, proofs: "none" },
      name: "providers",
    },
  });
}

const providerLink = (context: Context, provider: string): HTMLElement =>
  h(
    "a",
    { href: link(context, `/storage/${encodeURIComponent(provider)}`) },
    providerName(provider),
  );

interface Measure {
  title: string;
  about: string;
  share?: (item: ProviderItem) => Share;
  quantile?: (item: ProviderItem) => QuantileRange;
  kind: "startup" | "rebuffer";
}

function measures(context: Context, items: readonly ProviderItem[], on: string): Child[] {
  const when = dayText(on, "weekday");
  const all: Measure[] = [
    {
      title: "Started within a second",
      about: `Share of viewers whose first frame came in less than 1 s. ${when}.`,
      kind: "startup",
      share: ({ latest }) => latest?.startup_below_ms["1000"] ?? null,
    },
    {
      title: "Never stalled",
      about: `Share of viewers for whom nothing stopped. ${when}.`,
      kind: "rebuffer",
      share: ({ latest }) => latest?.rebuffer_below_permille["0"] ?? null,
    },
    {
      title: "Start-up, slowest 5 %",
      about: `19 of 20 viewers waited less than this (95th percentile). ${when}.`,
      kind: "startup",
      quantile: ({ latest }) => latest?.startup_ms.p95 ?? null,
    },
    {
      title: "Stalling, worst 5 %",
      about: `Of 19 in 20 viewers a smaller share of the time stalled (95th percentile). ${when}.`,
      kind: "rebuffer",
      quantile: ({ latest }) => latest?.rebuffer_permille.p95 ?? null,
    },
  ];
  return [
    h(
      "div",
      { class: "grid grid-2" },
      all.map((measure) => measureCard(context, measure, items, on)),
    ),
  ];
}

function measureCard(
  context: Context,
  measure: Measure,
  items: readonly ProviderItem[],
  on: string,
): HTMLElement {
  const { kind, share, quantile } = measure;
  const write = (range: { low: number; high: number | null }): string =>
    kind === "startup" ? startupRange(range.low, range.high) : rebufferRange(range.low, range.high);
  const edges = kind === "startup" ? STARTUP_EDGES : REBUFFER_EDGES;
  return chartCard(context.api, {
    title: measure.title,
    about: measure.about,
    chart: spanList(
      measure.title,
      items.map((item) => {
        const name = providerLink(context, item.provider);
        return share
          ? shareSpan(name, share(item))
          : quantileSpan(name, quantile?.(item) ?? null, edges, write);
      }),
    ),
    table: () =>
      table(
        measure.title,
        [
          { name: "Provider", cell: ({ provider }: ProviderItem) => providerName(provider) },
          ...(share
            ? [
                {
                  name: "Share",
                  numeric: true,
                  cell: (item: ProviderItem) => shareText(share(item), "value"),
                },
                {
                  name: "At least",
                  numeric: true,
                  cell: (item: ProviderItem) => shareText(share(item), "low"),
                },
                {
                  name: "At most",
                  numeric: true,
                  cell: (item: ProviderItem) => shareText(share(item), "high"),
                },
              ]
            : [
                {
                  name: "Range",
                  numeric: true,
                  cell: (item: ProviderItem) => rangeText(quantile?.(item) ?? null, write),
                },
              ]),
        ],
        items,
      ),
    csv: {
      path: "/api/v1/figures",
      query: { scope: "provider", from: on, to: on, proofs: "none" },
      name: `providers-${kind}-${on}`,
    },
  });
}

const shareText = (share: Share, part: "value" | "low" | "high"): Child =>
  share ? percent(share[part], 1) : tooFew();
const rangeText = (
  range: QuantileRange,
  write: (range: { low: number; high: number | null }) => string,
): Child => (range ? write(range) : tooFew());
