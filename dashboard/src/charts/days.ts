// Figures over days as a plot: points for every day of the span, ticks at readable distances.
import type { Derived, Figure, Share } from "../api/types";
import { day, dayNumber, dayOfNumber } from "../ui/format";
import type { Point } from "./points";

export interface DayValue {
  day: string;
  value: number | null;
  low: number;
  high: number;
  threshold: number;
}

const around = (value: number | null, error: number) => ({
  value,
  low: (value ?? 0) - error,
  high: (value ?? 0) + error,
});

export const ofFigure = (figure: Figure): DayValue => ({
  day: figure.day,
  ...around(figure.value, figure.error_95),
  threshold: figure.threshold,
});

export const ofDerived = (on: string, derived: Derived): DayValue => ({
  day: on,
  ...around(derived?.value ?? null, derived?.error_95 ?? 0),
  threshold: 0,
});

export const ofShare = (on: string, share: Share): DayValue => ({
  day: on,
  value: share?.value ?? null,
  low: share?.low ?? 0,
  high: share?.high ?? 0,
  threshold: 0,
});

/** One point a day from first to last; days without a release break the line. */
export function dayPoints(values: readonly DayValue[]): Point[] {
  const known = new Map(values.map((value) => [dayNumber(value.day), value]));
  const numbers = [...known.keys()];
  const first = Math.min(...numbers);
  const span = numbers.length ? Math.max(...numbers) - first + 1 : 0;
  return Array.from({ length: span }, (_, offset) => {
    const x = first + offset;
    const found = known.get(x);
    const label = day(dayOfNumber(x), "weekday");
    return found
      ? {
          x,
          label,
          value: found.value,
          low: found.low,
          high: found.high,
          threshold: found.threshold,
        }
      : { x, label, value: null, low: 0, high: 0, threshold: 0, absent: true };
  });
}

/** Ticks at days, weeks or months, whichever leaves some 72 pixels to each. */
export function dayTicks(
  points: readonly Point[],
): (width: number) => { x: number; label: string }[] {
  return (width) => {
    const steps = [1, 2, 3, 5, 7, 14, 28, 91, 182, 364];
    const room = Math.max(2, Math.floor(width / 72));
    const step = steps.find((each) => points.length / each <= room) ?? 364;
    const last = points.length - 1;
    return points
      .filter((_, index) => (last - index) % step === 0)
      .map(({ x }) => ({ x, label: day(dayOfNumber(x), "short") }));
  };
}
