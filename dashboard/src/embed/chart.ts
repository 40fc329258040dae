// A line through the days with a band of their errors, as SVG. Suppressed days are gaps, never zero.
import type { Figure } from "../api/types";
import { svg } from "../ui/dom";

const [WIDTH, HEIGHT] = [280, 48];

export function sparkline(figures: readonly Figure[], label: string): SVGElement {
  const first = Date.parse(figures[0]!.day);
  const span = Math.max(1, Date.parse(figures.at(-1)!.day) - first);
  const most = Math.max(1, ...figures.map(({ value, error_95 }) => (value ?? 0) + error_95));
  const x = ({ day }: Figure): string => (((Date.parse(day) - first) / span) * WIDTH).toFixed(1);
  const y = (value: number): string => (HEIGHT - (Math.max(0, value) / most) * HEIGHT).toFixed(1);
  const shown = (figure: Figure): figure is Figure & { value: number } => figure.value !== null;
  const runs = split(figures, shown);
  return svg(
    "svg",
    { viewBox: `-3 -3 ${WIDTH + 6} ${HEIGHT + 6}`, role: "img", "aria-label": label, class: "chart" },
    ...runs.map((run) => svg("path", {
      class: "area",
      d: `M${x(run[0]!)} ${HEIGHT}L${run.map((f) => `${x(f)} ${y(f.value)}`).join("L")}L${x(run.at(-1)!)} ${HEIGHT}Z`,
    })),
    ...runs.map((run) => svg("path", {
      class: "band",
      d: `M${[
        ...run.map((f) => `${x(f)} ${y(f.value + f.error_95)}`),
        ...[...run].reverse().map((f) => `${x(f)} ${y(f.value - f.error_95)}`),
      ].join("L")}Z`,
    })),
    ...runs.map((run) => svg("path", {
      class: "line", d: `M${run.map((f) => `${x(f)} ${y(f.value)}`).join("L")}`,
    })),
    ...runs.filter(({ length }) => length === 1).map(([f]) =>
      svg("circle", { class: "dot", cx: x(f!), cy: y(f!.value), r: 2.5 })),
  );
}

/** Runs of neighbours that satisfy a condition. */
function split<Item, Kept extends Item>(
  items: readonly Item[],
  kept: (item: Item) => item is Kept,
): Kept[][] {
  const runs: Kept[][] = [];
  let open = false;
  for (const item of items) {
    if (!kept(item)) open = false;
    else if (open) runs.at(-1)!.push(item);
    else {
      runs.push([item]);
      open = true;
    }
  }
  return runs;
}
