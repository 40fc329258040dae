// Whether figures are about what the page shows them as. A badge proves that a figure is on record for
// its own scope, key and day; that it is the figure which was asked for, only the page can tell.
import { ApiProblem } from "./client";
import type { DayFigures, Figure } from "./types";

/** What a figure must be about; undefined: whatever it says. */
export type Subject = {
  [Name in "scope" | "key" | "metric" | "day" | "revision"]?: Figure[Name] | undefined;
};

/** Throws an ApiProblem if a figure is about something else. */
export function requireAbout(figure: Figure, subject: Subject): void {
  for (const [name, asked] of Object.entries(subject)) {
    const found = figure[name as keyof Subject];
    if (asked === undefined || found === asked) continue;
    const detail = `A figure of the ${name} ${found} stands in the place of ${asked}.`;
    throw new ApiProblem(-1, "The server answered with another figure", detail);
  }
}

/** The same of days: each figure is of the day and revision beside it, and of its metric. */
export function requireDays(
  days: readonly Pick<DayFigures, "day" | "revision" | "figures">[],
  subject: Subject,
): void {
  for (const { day, revision, figures } of days) {
    for (const [metric, figure] of Object.entries(figures)) {
      requireAbout(figure, { ...subject, day, revision, metric });
    }
  }
}

/** The same of bins in their order; `metric` gives the name of one by its place. */
export function requireBins(
  bins: readonly Figure[],
  subject: Subject,
  metric: (bin: number) => string,
): void {
  bins.forEach((figure, bin) => requireAbout(figure, { ...subject, metric: metric(bin) }));
}
