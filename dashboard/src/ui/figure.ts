// One figure as readers see it: value, error, badge; or that it was too few to show. Never a zero
// that was not published.
import type { ApiClient } from "../api/client";
import type { Derived, Figure, Total } from "../api/types";
import { badge, type BadgeOptions } from "../badge";
import { h } from "./dom";
import { bound, count, quantity, type Kind } from "./format";

export const kindOf = (figure: Figure): Kind => figure.unit;

/** What stands instead of a suppressed figure. */
export function tooFew(threshold?: number, kind: Kind = "viewers"): HTMLElement {
  const least = threshold === undefined ? "" : ` (< ${bound(kind, threshold)})`;
  return h("span", { class: "too-few" }, `too few to show${least}`);
}

/** Value and error of anything that was computed or published. */
export function valueView(kind: Kind, value: number, error: number): HTMLElement {
  const written = quantity(kind, value, error);
  return h(
    "span",
    { class: "figure", title: `${count(value)} ± ${count(Math.ceil(error))}` },
    h("span", { class: "figure-value" }, written.value),
    " ",
    h("span", { class: "figure-error" }, `± ${written.error}`),
  );
}

/** A published figure with its badge. */
export function figureView(
  figure: Figure | undefined,
  api: ApiClient,
  options: BadgeOptions = {},
): HTMLElement {
  if (!figure) return h("span", { class: "too-few" }, "not released");
  const shown =
    figure.value === null
      ? tooFew(figure.threshold, kindOf(figure))
      : valueView(kindOf(figure), figure.value, figure.error_95);
  return h("span", { class: "figure-with-badge" }, shown, badge(figure, api, options));
}

/** Computed from several figures, so no one threshold says why it is not there. */
export function derivedView(kind: Kind, derived: Derived): HTMLElement {
  return derived ? valueView(kind, derived.value, derived.error_95) : tooFew();
}

/** A sum over days; says how many days are missing from it. */
export function totalView(kind: Kind, total: Total, threshold?: number): HTMLElement {
  if (!total) return tooFew(threshold, kind);
  const view = valueView(kind, total.value, total.error_95);
  if (total.missing_days === 0) return view;
  return h("span", null, h("span", { class: "at-least" }, "at least "), view);
}
