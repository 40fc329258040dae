// One region: its viewers over days, each with its badge.
import { readAll, readDays } from "../api/days";
import { requireAbout } from "../api/subject";
import type { Figure } from "../api/types";
import { link, type Context, type PageContent } from "../app";
import { ofFigure } from "../charts/days";
import { h } from "../ui/dom";
import { tooFew, valueView } from "../ui/figure";
import { count, regionName } from "../ui/format";
import { pageHead } from "../ui/head";
import { continentName } from "../ui/names";
import { threshold } from "../ui/tiles";
import { trend } from "../ui/trend";
import { noDays } from "./trust";

export async function regionPage(context: Context): Promise<PageContent> {
  const {
    api,
    range,
    signal,
    platform,
    parameters: [code = ""],
  } = context;
  const subject = { scope: "region", key: code, metric: "viewers" } as const;
  const asked = { ...subject, ...range };
  const [figures, days] = await Promise.all([
    readAll<Figure>(api, "/api/v1/figures", asked, signal),
    readDays(api, range, signal),
  ]);
  for (const figure of figures) requireAbout(figure, subject);
  const title = regionName(code);
  const head = pageHead(context, {
    title,
    above: h("a", { href: link(context, "/regions") }, "Regions"),
    about: continentName(platform.continents[code] ?? "zz"),
    range: true,
  });
  if (figures.length === 0) return { title, body: [head, noDays(context)] };
  const shown = figures.filter(({ value }) => value !== null);
  const sum = shown.reduce((total, { value }) => total + (value ?? 0), 0);
  const error = Math.hypot(...shown.map(({ error_95 }) => error_95));
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
            about: "Viewers whose first play of the day came from here.",
            total: shown.length
              ? valueView("viewers", sum, error)
              : tooFew(threshold(context, "region", "viewers")),
            note: `${count(shown.length)} of ${count(figures.length)} days shown`,
            values: figures.map(ofFigure),
            figures: (on) => [figures.find(({ day }) => day === on)],
            csv: { scope: "region", key: code, metric: "viewers" },
          },
        ],
      }),
    ],
  };
}
