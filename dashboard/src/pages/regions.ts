// Viewers by country, as far as countries have enough of them.
import { readAll } from "../api/days";
import type { RegionItem } from "../api/types";
import { link, type Context, type PageContent } from "../app";
import { barList, type Bar } from "../charts/bars";
import { chartCard } from "../charts/card";
import { h } from "../ui/dom";
import { tooFew } from "../ui/figure";
import { count, regionName } from "../ui/format";
import { pageHead } from "../ui/head";
import { continentName } from "../ui/names";
import { threshold } from "../ui/tiles";
import { noDays } from "./trust";

export async function regionsPage(context: Context): Promise<PageContent> {
  const { api, range, signal } = context;
  const items = await readAll<RegionItem>(
    api,
    "/api/v1/regions",
    { ...range, limit: 1000 },
    signal,
  );
  const title = "Regions";
  const head = pageHead(context, {
    title,
    about: "Viewers by the country of their first play of the day, summed over these days.",
    range: true,
  });
  if (items.length === 0) return { title, body: [head, noDays(context)] };
  const least = threshold(context, "region", "viewers");
  const shown = items.filter(({ viewers }) => viewers !== null);
  const steady = shown.filter(({ viewers }) => viewers && 2 * viewers.missing_days < viewers.days);
  const rare = shown.filter((item) => !steady.includes(item));
  return {
    title,
    body: [
      head,
      chartCard(api, {
        title: "Viewers by country",
        about: [
          `${count(shown.length)} of ${count(items.length)} are shown; `,
          "each other is ",
          tooFew(least),
          " on every day.",
        ],
        chart: [
          steady.length
            ? barList(
                "Viewers by country",
                "viewers",
                steady.map((item) => bar(context, item, least)),
              )
            : h("p", { class: "state" }, "On most days every country is ", tooFew(least), "."),
          rare.length > 0 &&
            h(
              "details",
              null,
              h("summary", null, `${count(rare.length)} more, shown on few of these days`),
              barList(
                "Viewers by country, shown on few days",
                "viewers",
                rare.map((item) => bar(context, item, least)),
              ),
            ),
        ],
        csv: {
          path: "/api/v1/figures",
          query: { scope: "region", metric: "viewers", ...range, proofs: "none" },
          name: "regions",
        },
      }),
      continentsCard(context, steady),
    ],
  };
}

/** Sums of the countries shown: of each continent a lower bound. */
function continentsCard(context: Context, items: readonly RegionItem[]): HTMLElement | null {
  const sums = new Map<string, { value: number; squares: number }>();
  for (const { continent, viewers } of items) {
    if (!viewers) continue;
    const { value, squares } = sums.get(continent) ?? { value: 0, squares: 0 };
    sums.set(continent, { value: value + viewers.value, squares: squares + viewers.error_95 ** 2 });
  }
  if (sums.size === 0) return null;
  const order = [...sums].toSorted(([, a], [, b]) => b.value - a.value);
  return chartCard(context.api, {
    title: "By continent",
    about: "Sums of the countries above, so each is at least this.",
    chart: barList(
      "Viewers by continent",
      "viewers",
      order.map(([continent, { value, squares }]) => ({
        label: continentName(continent),
        value,
        error: Math.sqrt(squares),
        threshold: undefined,
        note: "at least",
      })),
    ),
    csv: {
      name: "continents",
      rows: () => [
        ["continent", "viewers_at_least", "error_95"],
        ...order.map(([continent, { value, squares }]) => [continent, value, Math.sqrt(squares)]),
      ],
    },
  });
}

function bar(context: Context, { region, viewers }: RegionItem, least: number | undefined): Bar {
  return {
    label: h("a", { href: link(context, `/regions/${region}`) }, regionName(region)),
    value: viewers?.value ?? null,
    error: viewers?.error_95 ?? 0,
    threshold: least,
    ...(viewers?.missing_days && { note: "at least" }),
  };
}
