// Ranges on a track: where a share or a quantile lies in 95 of 100 cases.
import type { QuantileRange, Share } from "../api/types";
import { h, type Child } from "../ui/dom";
import { percent } from "../ui/format";
import { tooFew } from "../ui/figure";

const at = (share: number): string => `${(100 * Math.max(0, Math.min(1, share))).toFixed(2)}%`;

/** A share's range as a bar from 0 to 100 %, with a dot where the shown bins alone put it: where
 * others are suppressed that may be the range's very end, so the words say the range. */
export function shareSpan(label: Child, share: Share): HTMLElement {
  return span(
    label,
    share &&
      h(
        "span",
        { class: "span-track", "aria-hidden": "true" },
        h("span", {
          class: "span-range",
          style: `left:${at(share.low)};width:${at(share.high - share.low)}`,
        }),
        h("span", { class: "span-dot", style: `left:${at(share.value)}` }),
      ),
    share && h("strong", null, `${percent(share.low)} – ${percent(share.high)}`),
  );
}

/** A quantile's range on the histogram's own edges, which are all that can be known of it. */
export function quantileSpan(
  label: Child,
  range: QuantileRange,
  edges: readonly number[],
  write: (range: { low: number; high: number | null }) => string,
): HTMLElement {
  // nothing known: from the first edge to no end
  const known = range && (range.low !== 0 || range.high !== null) ? range : null;
  const places = [0, ...edges];
  const place = (edge: number): number => Math.max(0, places.indexOf(edge)) / places.length;
  const low = known ? place(known.low) : 0;
  const high = known ? (known.high === null ? 1 : place(known.high)) : 0;
  return span(
    label,
    known &&
      h(
        "span",
        {
          class: "span-track span-steps",
          style: `--steps:${places.length}`,
          "aria-hidden": "true",
        },
        h("span", {
          class: "span-range span-solid",
          style: `left:${at(low)};width:${at(Math.max(0.02, high - low))}`,
        }),
      ),
    known && h("strong", null, write(known)),
  );
}

function span(label: Child, track: Child, words: Child): HTMLElement {
  return h(
    "li",
    null,
    h("span", { class: "span-label" }, label),
    h("span", { class: "span-words" }, words || tooFew()),
    track,
  );
}

export const spanList = (name: string, items: readonly HTMLElement[]): HTMLElement =>
  h("ul", { class: "spans", "aria-label": name }, items);
