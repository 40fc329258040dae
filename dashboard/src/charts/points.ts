// What a plot is made of: points, their words and the unit in which they are drawn.
import { bound, quantityText, scaleOf, type Kind } from "../ui/format";

export interface Point {
  x: number;
  /** what the point is of, in words: a day, a part of a video */
  label: string;
  /** null: suppressed, or not there at all if `absent` */
  value: number | null;
  /** where the truth is in 95 of 100 cases */
  low: number;
  high: number;
  threshold: number;
  absent?: boolean;
}

export function describe(point: Point | undefined, kind: Kind): string {
  if (!point || point.absent) return "not released";
  if (point.value === null) return hiddenText(point.threshold, kind);
  return quantityText(kind, point.value, point.low, point.high);
}

const hiddenText = (threshold: number, kind: Kind): string =>
  threshold ? `too few to show (< ${bound(kind, threshold)})` : "too few to show";

/** The largest thing that is drawn: errors and thresholds count. */
export function largestOf(points: readonly Point[]): number {
  const tops = points.map(({ value, high, threshold, absent }) =>
    absent ? 0 : value === null ? threshold : high,
  );
  return Math.max(0, ...tops);
}

/** Seconds per unit of the axis, e.g. 3600 for hours. */
export const divisorOf = (points: readonly Point[], kind: Kind): number =>
  scaleOf(kind, largestOf(points)).divisor;
