// Figures side by side as rows: a bar behind the words that fades where its error begins. The list is text
// already, so it needs no table beside it. A suppressed figure is a hatched box up to its threshold.
import { h, type Child } from "../ui/dom";
import { quantity, type Kind } from "../ui/format";
import { tooFew } from "../ui/figure";

export interface Bar {
  label: Child;
  value: number | null;
  error: number;
  threshold: number | undefined;
  badge?: Child;
  /** said instead of "too few", or after the value */
  note?: string;
}

export function barList(name: string, kind: Kind, bars: readonly Bar[]): HTMLElement {
  const top = Math.max(
    1e-9,
    ...bars.map((bar) => (bar.value === null ? (bar.threshold ?? 0) : bar.value + bar.error)),
  );
  return h(
    "ul",
    { class: "bars", "aria-label": name },
    bars.map((bar) =>
      h(
        "li",
        null,
        drawn(bar, top),
        h("span", { class: "bar-label" }, bar.label),
        words(bar, kind),
      ),
    ),
  );
}

const share = (value: number): string => `${Math.max(0, Math.min(100, 100 * value)).toFixed(2)}%`;

function drawn({ value, error, threshold }: Bar, top: number): HTMLElement {
  if (value === null) {
    return h("span", {
      class: "bar bar-hidden",
      style: `width:${share((threshold ?? 0) / top)}`,
      "aria-hidden": "true",
    });
  }
  const low = Math.max(0, value - error);
  return h(
    "span",
    { class: "bar-track", "aria-hidden": "true" },
    h("span", { class: "bar", style: `width:${share(low / top)}` }),
    h("span", {
      class: "bar-error",
      style: `left:${share(low / top)};width:${share((value + error - low) / top)}`,
    }),
  );
}

function words({ value, error, threshold, badge, note }: Bar, kind: Kind): HTMLElement {
  if (value === null) return h("span", { class: "bar-value" }, tooFew(threshold, kind), badge);
  const written = quantity(kind, value, error);
  return h(
    "span",
    { class: "bar-value" },
    note && h("span", { class: "at-least" }, note, " "),
    h("span", { class: "figure-value" }, written.value),
    " ",
    h("span", { class: "figure-error" }, `± ${written.error}`),
    badge,
  );
}
