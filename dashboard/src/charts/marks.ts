// What a plot draws beside line and band: suppressed points, the chosen point, the last value.
import type uPlot from "uplot";
import { quantityText, type Kind } from "../ui/format";
import { colour } from "./colours";
import { divisorOf, type Point } from "./points";

interface State {
  points: readonly Point[];
  kind: Kind;
  selected: () => number;
}

/** Canvas position of a value; values are drawn in the axis' unit. */
function place(chart: uPlot, x: number, y: number): [number, number] {
  return [chart.valToPos(x, "x", true), chart.valToPos(y, "y", true)];
}

/** A dashed line from nothing up to the threshold: the figure is somewhere there. */
export function drawSuppressed(chart: uPlot, state: State): void {
  const { ctx } = chart;
  const by = divisorOf(state.points, state.kind);
  ctx.save();
  ctx.strokeStyle = colour("--ink-3");
  ctx.lineWidth = 1.5 * devicePixelRatio;
  ctx.setLineDash([2 * devicePixelRatio, 3 * devicePixelRatio]);
  for (const { x, value, threshold, absent } of state.points) {
    if (value !== null || absent) continue;
    const [left, top] = place(chart, x, threshold / by);
    ctx.beginPath();
    ctx.moveTo(left, place(chart, x, 0)[1]);
    ctx.lineTo(left, top);
    ctx.stroke();
  }
  ctx.restore();
}

/** The last shown value stands beside its point, so that nobody needs a legend: above it, or below
 * where the line comes from above. */
export function drawLastLabel(chart: uPlot, state: State): void {
  const shown = state.points.filter(({ value }) => value !== null);
  const last = shown.at(-1);
  if (!last || last.value === null) return;
  const { ctx } = chart;
  const ratio = devicePixelRatio;
  const by = divisorOf(state.points, state.kind);
  const [x, top] = place(chart, last.x, last.high / by);
  const [, bottom] = place(chart, last.x, last.low / by);
  const room = bottom + 26 * ratio < chart.bbox.top + chart.bbox.height;
  const below = room && (shown.at(-2)?.value ?? 0) > last.value;
  ctx.save();
  ctx.font = `600 ${12 * ratio}px ${getComputedStyle(chart.root).fontFamily}`;
  ctx.textAlign = "right";
  ctx.textBaseline = below ? "top" : "bottom";
  ctx.lineJoin = "round";
  ctx.lineWidth = 4 * ratio;
  ctx.strokeStyle = colour("--surface");
  ctx.fillStyle = colour("--series");
  const text = quantityText(state.kind, last.value, last.low, last.high);
  const right = Math.min(x + 6 * ratio, ctx.canvas.width - 2);
  const y = below ? bottom + 10 * ratio : top - 8 * ratio;
  ctx.strokeText(text, right, y);
  ctx.fillText(text, right, y);
  ctx.restore();
}

/** A hairline, the point ringed, and its error as a whisker. */
export function drawSelected(chart: uPlot, state: State): void {
  const point = state.points[state.selected()];
  if (!point || point.absent) return;
  const { ctx } = chart;
  const by = divisorOf(state.points, state.kind);
  const ratio = devicePixelRatio;
  ctx.save();
  ctx.lineWidth = ratio;
  ctx.strokeStyle = colour("--line-strong");
  const [x] = place(chart, point.x, 0);
  ctx.beginPath();
  ctx.moveTo(x, chart.bbox.top);
  ctx.lineTo(x, chart.bbox.top + chart.bbox.height);
  ctx.stroke();
  if (point.value !== null) {
    ctx.strokeStyle = colour("--series");
    ctx.lineWidth = 1.5 * ratio;
    const [, high] = place(chart, point.x, point.high / by);
    const [, low] = place(chart, point.x, Math.max(0, point.low) / by);
    const arm = 5 * ratio;
    ctx.beginPath();
    ctx.moveTo(x, high);
    ctx.lineTo(x, low);
    for (const y of [high, low]) {
      ctx.moveTo(x - arm, y);
      ctx.lineTo(x + arm, y);
    }
    ctx.stroke();
    const [, y] = place(chart, point.x, point.value / by);
    ctx.beginPath();
    ctx.arc(x, y, 5 * ratio, 0, 2 * Math.PI);
    ctx.fillStyle = colour("--surface");
    ctx.fill();
    ctx.lineWidth = 2.5 * ratio;
    ctx.stroke();
  }
  ctx.restore();
}
