// Numbers, durations, days and places in the visitor's locale. Days are UTC days everywhere.
//
// An error is rounded up, never down: "± 40" for 39.202.

/** What a number counts, and so how it is written. */
export type Kind = "viewers" | "views" | "seconds" | "duration" | "share" | "rho";

export interface Quantity {
  value: string;
  error: string;
}

interface Scale {
  divisor: number;
  unit: string | null;
  digits: number;
}

const plain = (digits: number, more: Intl.NumberFormatOptions = {}): Intl.NumberFormat =>
  new Intl.NumberFormat(undefined, {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
    ...more,
  });

/** The unit in which a value of this size reads well. */
export function scaleOf(kind: Kind, largest: number): Scale {
  if (kind === "share") return { divisor: 0.01, unit: "percent", digits: 0 };
  if (kind === "rho") return { divisor: 1, unit: null, digits: 3 };
  if (kind === "seconds" || kind === "duration") {
    if (largest >= 3600) return { divisor: 3600, unit: "hour", digits: 0 };
    if (largest >= 60) return { divisor: 60, unit: "minute", digits: 0 };
    return { divisor: 1, unit: "second", digits: 0 };
  }
  return { divisor: 1, unit: null, digits: 0 };
}

/** A number alone, in a scale's unit. */
export function write(value: number, { divisor, unit, digits }: Scale): string {
  const more: Intl.NumberFormatOptions = unit ? { style: "unit", unit, unitDisplay: "short" } : {};
  return plain(digits, more).format(value / divisor);
}

/** A value and its error, both in the value's unit; as many digits as the error leaves. */
export function quantity(kind: Kind, value: number, error: number): Quantity {
  if (kind === "duration" && value >= 60) {
    return { value: clock(Math.round(value)), error: clock(Math.ceil(error - 1e-9)) };
  }
  const scale = scaleOf(kind, Math.abs(value));
  const fine = kind === "share" ? 2 : 10;
  if (scale.unit && error / scale.divisor < fine) scale.digits = 1;
  const up = roundedUp(error, scale);
  return { value: write(value, scale), error: plain(scale.digits).format(up) };
}

/** An error alone, with its unit. */
export function margin(kind: Kind, error: number): string {
  const scale = scaleOf(kind, error);
  if (scale.unit && error / scale.divisor < 10) scale.digits = 1;
  return write(roundedUp(error, scale) * scale.divisor, scale);
}

function roundedUp(error: number, { divisor, digits }: Scale): number {
  const step = 10 ** -digits;
  return Math.ceil(error / divisor / step - 1e-9) * step;
}

/** Minutes and seconds: 4:07. */
function clock(seconds: number): string {
  const two = new Intl.NumberFormat(undefined, { minimumIntegerDigits: 2 });
  return `${plain(0).format(Math.floor(seconds / 60))}:${two.format(seconds % 60)}`;
}

/** "less than this is not shown", in the unit of the figure. */
export const bound = (kind: Kind, threshold: number): string => quantity(kind, threshold, 0).value;

/** "385 ± 40" as one text, for tips and screen readers. */
export function quantityText(kind: Kind, value: number, low: number, high: number): string {
  if (kind === "share" && Math.abs(high + low - 2 * value) > 1e-9) {
    return `${percent(value)} (${percent(low)} – ${percent(high)})`;
  }
  const written = quantity(kind, value, high - value);
  return `${written.value} ± ${written.error}`;
}

export const count = (value: number): string => plain(0).format(value);
export const decimal = (value: number, digits: number): string => plain(digits).format(value);
export const percent = (share: number, digits = 0): string =>
  plain(digits, { style: "percent" }).format(share);

/** A short form for axes: 12K. */
export const compact = (value: number): string =>
  new Intl.NumberFormat(undefined, { notation: "compact", maximumFractionDigits: 1 }).format(value);

const DAY_STYLES = {
  short: { day: "numeric", month: "short" },
  weekday: { weekday: "short", day: "numeric", month: "short" },
  long: { weekday: "long", day: "numeric", month: "long", year: "numeric" },
  date: { day: "numeric", month: "short", year: "numeric" },
} satisfies Record<string, Intl.DateTimeFormatOptions>;

export function day(text: string, style: keyof typeof DAY_STYLES = "date"): string {
  const format = new Intl.DateTimeFormat(undefined, { timeZone: "UTC", ...DAY_STYLES[style] });
  return format.format(new Date(`${text}T00:00:00Z`));
}

export function month(text: string): string {
  const format = new Intl.DateTimeFormat(undefined, {
    timeZone: "UTC",
    month: "long",
    year: "numeric",
  });
  return format.format(new Date(`${text}-01T00:00:00Z`));
}

/** A moment, in the visitor's time zone. */
export const moment = (unixSeconds: number): string =>
  new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" }).format(
    new Date(unixSeconds * 1000),
  );

const MS_PER_DAY = 86_400_000;
export const dayNumber = (text: string): number => Date.parse(`${text}T00:00:00Z`) / MS_PER_DAY;
/** Empty for what is no day: an address may have anything in it. */
export const dayOfNumber = (number: number): string =>
  Number.isNaN(number) ? "" : new Date(number * MS_PER_DAY).toISOString().slice(0, 10);
export const daysBetween = (first: string, last: string): number =>
  dayNumber(last) - dayNumber(first) + 1;

const places = new Intl.DisplayNames(undefined, { type: "region" });
export const regionName = (code: string): string =>
  code === "ZZ" ? "Unknown" : (places.of(code) ?? code);

/** The first and last characters of a hash or CID. */
export const shortHash = (text: string): string =>
  text.length <= 18 ? text : `${text.slice(0, 10)}…${text.slice(-6)}`;
