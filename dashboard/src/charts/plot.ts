// A line with its error band over days or over a video's length, on uPlot.
//
// The plot is a slider: arrow keys and clicks choose a point, and a screen reader hears the point's
// value and error. A suppressed point is no zero: a dashed mark up to its threshold says where the
// figure lies. Does not belong here: titles, tables and downloads (`charts/card.ts`).
import uPlot from "uplot";
import { h } from "../ui/dom";
import { compact, scaleOf, write, type Kind } from "../ui/format";
import { colour } from "./colours";
import { drawLastLabel, drawSelected, drawSuppressed } from "./marks";
import { describe, divisorOf, largestOf, type Point } from "./points";

export interface PlotOptions {
  name: string;
  kind: Kind;
  points: readonly Point[];
  /** labels of the axis below, for a plot so many pixels wide */
  ticks: (width: number) => { x: number; label: string }[];
  selected: number;
  onSelect: (index: number) => void;
}

const live = new Map<HTMLElement, uPlot>();

/** Plots that left the page hold on to nothing any more. */
function releaseDetached(): void {
  for (const [element, chart] of live) {
    if (element.isConnected) continue;
    chart.destroy();
    live.delete(element);
  }
}

/** Canvases know no style sheet: they are drawn anew in other colours. */
function redrawAll(): void {
  releaseDetached();
  for (const chart of live.values()) chart.redraw(false);
}
addEventListener("themechange", redrawAll);
addEventListener("beforeprint", redrawAll);
addEventListener("afterprint", redrawAll);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redrawAll);

export function linePlot(options: PlotOptions): HTMLElement {
  const { points, kind } = options;
  const divisor = divisorOf(points, kind);
  const tip = h("div", { class: "tip", hidden: true });
  const element = h("div", {
    class: "plot",
    role: "slider",
    tabindex: "0",
    "aria-label": options.name,
    "aria-valuemin": "0",
    "aria-valuemax": String(Math.max(0, points.length - 1)),
  });
  let selected = options.selected;
  const state = { points, kind, selected: () => selected };

  const select = (index: number, tell = true): void => {
    selected = Math.max(0, Math.min(points.length - 1, index));
    const point = points[selected];
    element.setAttribute("aria-valuenow", String(selected));
    element.setAttribute("aria-valuetext", `${point?.label ?? ""}: ${describe(point, kind)}`);
    live.get(element)?.redraw(false);
    if (tell) options.onSelect(selected);
  };
  element.addEventListener("keydown", (event) => {
    const target = keyTarget(event.key, selected, points.length);
    if (target === null) return;
    event.preventDefault();
    select(target);
  });

  const showTip = (chart: uPlot): void => {
    const index = chart.cursor.idx;
    const point = index === null || index === undefined ? undefined : points[index];
    tip.hidden = !point || (chart.cursor.left ?? -1) < 0;
    if (tip.hidden || !point) return;
    tip.replaceChildren(h("span", null, point.label), h("strong", null, describe(point, kind)));
    const at = chart.valToPos(point.x, "x") + chart.over.offsetLeft;
    const half = tip.offsetWidth / 2;
    const left = Math.max(half, Math.min(element.clientWidth - half, at));
    const y = point.value === null ? Infinity : chart.valToPos(point.value / divisor, "y");
    const top = y < tip.offsetHeight + 24 ? y + chart.over.offsetTop + 20 : 0; // not over the line
    tip.style.transform = `translate(${left - half}px, ${top}px)`;
  };

  const draw = (width: number): void => {
    live.get(element)?.destroy();
    element.replaceChildren();
    const chart = new uPlot(
      {
        ...uplotOptions(options, width, element),
        hooks: {
          setCursor: [showTip],
          draw: [
            (u) => drawSuppressed(u, state),
            (u) => drawSelected(u, state),
            (u) => drawLastLabel(u, state),
          ],
        },
      },
      dataOf(points, divisor),
      element,
    );
    chart.over.addEventListener("click", () => {
      if (typeof chart.cursor.idx === "number") select(chart.cursor.idx);
    });
    live.set(element, chart);
    element.append(tip);
  };
  let drawnAt = 0;
  new ResizeObserver(([entry]) => {
    const width = Math.floor(entry?.contentRect.width ?? 0);
    if (width > 0 && width !== drawnAt) draw((drawnAt = width));
  }).observe(element);
  select(selected, false);
  releaseDetached();
  return element;
}

function keyTarget(key: string, selected: number, count: number): number | null {
  if (key === "ArrowRight" || key === "ArrowUp") return selected + 1;
  if (key === "ArrowLeft" || key === "ArrowDown") return selected - 1;
  if (key === "PageUp") return selected + 7;
  if (key === "PageDown") return selected - 7;
  if (key === "Home") return 0;
  if (key === "End") return count - 1;
  return null;
}

function dataOf(points: readonly Point[], divisor: number): uPlot.AlignedData {
  const value = (point: Point): number | null =>
    point.value === null ? null : point.value / divisor;
  const edge = ({ value }: Point, at: number): number | null =>
    value === null ? null : Math.max(0, at) / divisor;
  return [
    points.map(({ x }) => x),
    points.map((point) => edge(point, point.high)),
    points.map((point) => edge(point, point.low)),
    points.map(value),
  ];
}

function uplotOptions(options: PlotOptions, width: number, element: HTMLElement): uPlot.Options {
  const { points, kind } = options;
  const scale = scaleOf(kind, largestOf(points));
  const top = largestOf(points) / scale.divisor || 1;
  const ticks = options.ticks(width - 60);
  const font = `12px ${getComputedStyle(element).fontFamily}`;
  const many = points.length > 62;
  const axis = { stroke: () => colour("--ink-3"), font, ticks: { show: false } };
  const unit = (value: number): string =>
    write(value * scale.divisor, {
      ...scale,
      digits: top < 5 && value !== Math.round(value) ? 1 : 0,
    });
  const bare = { width: 0, points: { show: false } };
  return {
    width,
    height: width < 480 ? 220 : 280,
    padding: [22, 22, 0, 0],
    legend: { show: false },
    cursor: { y: false, drag: { x: false, y: false, setScale: false }, points: { show: false } },
    scales: {
      x: { time: false, range: () => xRange(points) },
      y: { range: () => [0, top * 1.06] },
    },
    axes: [
      {
        ...axis,
        grid: { show: false },
        gap: 8,
        size: 32,
        splits: () => ticks.map(({ x }) => x),
        values: () => ticks.map(({ label }) => label),
      },
      {
        ...axis,
        grid: { stroke: () => colour("--line"), width: 1 },
        gap: 8,
        space: 48,
        size: (u, values) => axisWidth(u, values, font),
        values: (_, splits) => splits.map((value) => (scale.unit ? unit(value) : compact(value))),
      },
    ],
    series: [
      {},
      bare,
      bare,
      {
        stroke: () => colour("--series"),
        width: 2,
        points: { show: !many, size: 6, fill: () => colour("--series") },
      },
    ],
    bands: [{ series: [1, 2], fill: () => colour("--series-band") }],
  };
}

function xRange(points: readonly Point[]): [number, number] {
  const first = points[0]?.x ?? 0;
  const last = points.at(-1)?.x ?? 1;
  const margin = last === first ? 1 : (last - first) * 0.015;
  return [first - margin, last + margin];
}

function axisWidth(chart: uPlot, values: string[] | null, font: string): number {
  chart.ctx.save();
  chart.ctx.font = font;
  const widths = (values ?? []).map((text) => chart.ctx.measureText(text).width);
  chart.ctx.restore();
  return Math.ceil(Math.max(16, ...widths)) + 12;
}
