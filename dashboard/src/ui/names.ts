// What metrics, places and checks are called where people read. Belongs here: words, no figures.

const CONTINENTS: Record<string, string> = {
  af: "Africa",
  an: "Antarctica",
  as: "Asia",
  eu: "Europe",
  na: "North America",
  oc: "Oceania",
  sa: "South America",
  zz: "Unknown",
};
export const continentName = (code: string): string => CONTINENTS[code] ?? code;

export const SCOPE_NAMES = {
  platform: "Platform",
  video: "Video",
  creator: "Creator",
  region: "Country",
  provider: "Storage",
} as const;

const METRICS: Record<string, string> = {
  viewers: "Viewers",
  views: "Views",
  watch_seconds: "Watch time",
  peak_viewers: "Most at once",
  first_of_week: "Viewers new this week",
  first_of_month: "Viewers new this month",
};

export function metricName(metric: string): string {
  if (METRICS[metric]) return METRICS[metric];
  const [, kind, part] = /^([a-z_]+?)_([a-z]{2}|\d+)$/.exec(metric) ?? [];
  if (kind === "viewers" && part) return `Viewers, ${continentName(part)}`;
  if (kind === "furthest_bin") return `Left at ${retentionBin(Number(part))}`;
  if (kind === "startup") return `Start-up, bin ${Number(part) + 1}`;
  if (kind === "rebuffer") return `Stalling, bin ${Number(part) + 1}`;
  return metric;
}

/** Part of a video's length: "40–45 %". */
export const retentionBin = (bin: number): string => `${5 * bin}–${5 * (bin + 1)} %`;

const PROVIDERS: Record<string, string> = {
  ipfs: "IPFS",
  arweave: "Arweave",
  filecoin: "Filecoin",
  cdn: "CDN",
  unknown: "Not reported",
};
export const providerName = (key: string): string => PROVIDERS[key] ?? key;

const seconds = (ms: number): string => decimals(ms / 1000);
const percents = (permille: number): string => decimals(permille / 10);
const decimals = (value: number): string =>
  new Intl.NumberFormat(undefined, { maximumFractionDigits: 2 }).format(value);

/** Bins of the start-up histogram, in seconds; the last counts who did not report. */
export const startupBins = (edges: readonly number[]): string[] => [
  ...between(edges, seconds),
  "not re\u00adported",
];

/** Bins of the stalling histogram, in percent; the first counts who did not stall at all. */
export const rebufferBins = (edges: readonly number[]): string[] => [
  "none",
  ...between(edges, percents),
];

export const startupRange = (low: number, high: number | null): string =>
  range(low, high, seconds, " s");
export const rebufferRange = (low: number, high: number | null): string =>
  high === 0 ? "none" : range(low, high, percents, " %");

type Write = (edge: number) => string;

function range(low: number, high: number | null, write: Write, unit: string): string {
  if (high === null) return `more than ${write(low)}${unit}`;
  return low === 0 ? `below ${write(high)}${unit}` : `${write(low)}–${write(high)}${unit}`;
}

function between(edges: readonly number[], write: Write): string[] {
  return [0, ...edges].map((low, index) => {
    const high = edges[index];
    if (high === undefined) return `≥ ${write(low)}`;
    return low === 0 ? `< ${write(high)}` : `${write(low)}–${write(high)}`;
  });
}

const RESERVATIONS: Record<string, string> = {
  DevelopmentChain: "an embedded development chain: whoever runs it can rewrite it",
  CommitsWithheld: "some of the day's commits were never released",
  CommitsLater: "commits came after the day's last release; none of them is released",
  BeaconSoon: "the beacon came soon after its commit: who makes blocks could have chosen it",
  ProofTrusted: "the server could not check the proof itself",
};
export const reservationName = (name: string): string => RESERVATIONS[name] ?? name;
