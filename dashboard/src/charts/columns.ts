// A histogram with fixed bins as columns, errors as whiskers, suppressed bins hatched to their
// threshold. The columns are a picture with a text; the card around it has the table.
import type { Figure } from "../api/types";
import { h } from "../ui/dom";
import { compact, count } from "../ui/format";

export interface Bin {
  label: string;
  figure: Figure | undefined;
}

export function columns(name: string, bins: readonly Bin[]): HTMLElement {
  const tops = bins.map(({ figure }) =>
    figure ? (figure.value === null ? figure.threshold : figure.value + figure.error_95) : 0,
  );
  const top = Math.max(1, ...tops) * 1.08;
  const shown = bins.filter(({ figure }) => figure && figure.value !== null);
  const text = shown.length
    ? shown
        .map(
          ({ label, figure }) =>
            `${label}: ${count(figure?.value ?? 0)} ± ${count(Math.ceil(figure?.error_95 ?? 0))}`,
        )
        .join("; ")
    : "all bins are too few to show";
  return h(
    "div",
    { class: "columns", role: "img", "aria-label": `${name}. ${text}` },
    bins.map(({ label, figure }) =>
      h(
        "div",
        { class: "column" },
        h("div", { class: "column-space" }, figure && column(figure, top)),
        h("span", { class: "column-label" }, label),
      ),
    ),
  );
}

const share = (value: number): string => `${(100 * Math.max(0, value)).toFixed(2)}%`;

function column({ value, error_95, threshold }: Figure, top: number): HTMLElement[] {
  if (value === null) {
    return [
      h("span", { class: "column-bar column-hidden", style: `height:${share(threshold / top)}` }),
    ];
  }
  const low = Math.max(0, value - error_95);
  return [
    h("span", { class: "column-bar", style: `height:${share(value / top)}` }),
    h("span", {
      class: "column-whisker",
      style: `bottom:${share(low / top)};height:${share((value + error_95 - low) / top)}`,
    }),
    h(
      "span",
      { class: "column-value", style: `bottom:${share((value + error_95) / top)}` },
      compact(value),
    ),
  ];
}
