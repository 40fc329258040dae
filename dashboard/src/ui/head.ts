// The head of a page: its title, what it is about, and the days it shows.
import type { Context } from "../app";
import { h, type Child } from "./dom";
import { count, day, dayNumber, dayOfNumber, daysBetween } from "./format";
import { chosenDays } from "./range";

const PRESETS = [7, 30, 90] as const;

export interface HeadOptions {
  title: string;
  above?: Child;
  about?: Child;
  /** Whether the page shows a range of days. */
  range?: boolean;
}

export function pageHead(context: Context, options: HeadOptions): HTMLElement {
  return h(
    "header",
    { class: "page-head" },
    h(
      "div",
      null,
      options.above && h("p", { class: "eyebrow" }, options.above),
      h("h1", null, options.title),
      options.about && h("p", { class: "page-about" }, options.about),
    ),
    options.range && context.platform.last_day && rangePicker(context, context.platform.last_day),
  );
}

function rangePicker(context: Context, lastDay: string): HTMLElement {
  const { first, last } = chosenDays(context);
  const go = (from: string, to: string): void =>
    context.visit(location.pathname, { from, to, day: null });
  const start = (days: number): string => dayOfNumber(dayNumber(lastDay) - days + 1);
  const firstDay = context.platform.first_day ?? first;
  const chosen = context.query.has("from")
    ? last === lastDay
      ? (PRESETS.find((days) => start(days) === first) ?? (first === firstDay ? "all" : "custom"))
      : "custom"
    : 30;
  const from = dayInput("range-from", "First day", first, lastDay);
  const to = dayInput("range-to", "Last day", last, lastDay);
  const apply = (): void => {
    if (from.value && to.value && from.value <= to.value) go(from.value, to.value);
  };
  from.addEventListener("change", apply);
  to.addEventListener("change", apply);
  const custom = h(
    "span",
    { class: "range-dates", hidden: chosen !== "custom" },
    from,
    h("span", { "aria-hidden": "true" }, "–"),
    to,
  );
  const choose = (event: Event): void => {
    const { value } = event.target as HTMLSelectElement;
    custom.hidden = value !== "custom";
    if (value === "all") go(firstDay, lastDay);
    else if (value !== "custom") go(start(Number(value)), lastDay);
    else from.focus();
  };
  const option = (value: string | number, text: string): HTMLElement =>
    h("option", { value, selected: value === chosen }, text);
  return h(
    "div",
    { class: "range" },
    custom,
    h("label", { class: "visually-hidden", for: "range" }, "Days shown"),
    h(
      "select",
      { id: "range", onchange: choose },
      PRESETS.map((days) => option(days, `Last ${count(days)} days`)),
      option("all", `All ${count(daysBetween(firstDay, lastDay))} days`),
      option("custom", chosen === "custom" ? `${day(first)} – ${day(last)}` : "Choose days …"),
    ),
  );
}

function dayInput(id: string, label: string, value: string, max: string): HTMLInputElement {
  return h("input", { id, type: "date", "aria-label": label, value, max });
}
