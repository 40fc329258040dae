// Budgets as bars: what is spent, kept for first releases, and left of a cap.
import type { Budget } from "../api/types";
import { h } from "../ui/dom";
import { day as dayText, decimal, percent } from "../ui/format";

const share = (part: number, whole: number): string =>
  `${(100 * Math.max(0, part / whole)).toFixed(2)}%`;

/** One bar for the fullest 30 days. */
export function windowBar(window: NonNullable<Budget["thirty_days"]>): HTMLElement {
  const { rho_spent, rho_reserved, rho_left, rho_cap } = window;
  const part = (name: string, words: string, rho: number): HTMLElement =>
    h(
      "div",
      { class: `gauge-part gauge-${name}` },
      h("dt", null, words),
      h("dd", null, h("strong", null, percent(rho / rho_cap)), ` ρ ${decimal(rho, 3)}`),
    );
  return h(
    "div",
    { class: "gauge" },
    h(
      "div",
      { class: "gauge-bar", "aria-hidden": "true" },
      h("span", { class: "gauge-spent", style: `width:${share(rho_spent, rho_cap)}` }),
      h("span", { class: "gauge-reserved", style: `width:${share(rho_reserved, rho_cap)}` }),
    ),
    h(
      "dl",
      { class: "gauge-words" },
      part("spent", "Spent", rho_spent),
      part("reserved", "Kept for first releases", rho_reserved),
      part("left", "Left for corrections", rho_left),
    ),
  );
}

/** A column for each day up to the day's cap. */
export function dayColumns({ days, caps }: Budget): HTMLElement {
  const cap =
    caps?.per_day ?? Math.max(...days.map(({ rho_spent, rho_left }) => rho_spent + rho_left));
  const step = days.length > 14 ? 7 : days.length > 7 ? 2 : 1;
  const text = days
    .map(({ day, rho_spent }) => `${dayText(day, "short")} ${percent(rho_spent / cap)}`)
    .join(", ");
  return h(
    "div",
    {
      class: "budget-days",
      role: "img",
      "aria-label": `Share of each day's budget that is spent: ${text}`,
    },
    days.map(({ day, rho_spent, releases }, index) =>
      h(
        "div",
        {
          class: "budget-day",
          title: `${dayText(day)}: ρ ${decimal(rho_spent, 3)} of ${decimal(cap, 3)}`,
        },
        h(
          "div",
          { class: "budget-space" },
          h("span", {
            class: releases > 1 ? "budget-spent budget-corrected" : "budget-spent",
            style: `height:${share(rho_spent, cap)}`,
          }),
        ),
        h(
          "span",
          { class: "budget-label" },
          (days.length - 1 - index) % step === 0 && dayText(day, "short"),
        ),
      ),
    ),
  );
}
