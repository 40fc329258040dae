// Shapes of the read API's answers, `/api/v1`. Belongs here: types alone, with the API's own names.
// A figure that is null was suppressed; nothing here may be read as zero.

export type Scope = "platform" | "video" | "creator" | "region" | "provider";

/** Where a figure's row stands in the report's Merkle tree. */
export interface ProofLink {
  href: string;
  report_root: string;
  leaf_index: number;
  tree_size: number;
  /** absent if the API was asked for links alone */
  siblings?: string[];
}

/** One published figure: `value` ± `error_95` in 95 of 100 cases. */
export interface Figure {
  day: string;
  revision: number;
  scope: Scope;
  key: string;
  metric: string;
  unit: "viewers" | "views" | "seconds";
  value: number | null;
  suppressed: boolean;
  threshold: number;
  error_95: number;
  sigma: number;
  rho: number;
  epsilon: number;
  delta: number;
  proof?: ProofLink;
}

/** Computed from figures; null where one that it needs is suppressed. */
export type Derived = { value: number; error_95: number } | null;

/** A sum over days; a lower bound where `missing_days` > 0. Null if no day shows the figure. */
export type Total = {
  value: number;
  error_95: number;
  days: number;
  missing_days: number;
} | null;

export type Share = { value: number; low: number; high: number } | null;
export type QuantileRange = { low: number; high: number | null } | null;

export interface Page<Item> {
  data: Item[];
  page: { limit: number; next: string | null };
}

export interface Verification {
  state: "verified" | "failed" | "unavailable";
  checks: number;
  reservations: string[];
  error: { number: number; name: string; detail: string } | null;
}

export interface Day {
  day: string;
  revision: number;
  revisions: number[];
  /** null, with what follows from the bundle, while that cannot be had */
  reason: string | null;
  previous_bundle: string | null;
  report_cid: string;
  bundle_cid: string;
  report_root: string;
  block_number: number;
  block_time: number;
  publisher: string;
  rho: number;
  epsilon: number;
  delta: number;
  rho_of_the_day: number;
  epsilon_of_the_day: number;
  rows: number | null;
  suppressed_rows: number | null;
  segments: number | null;
  setup: "development" | "ignition" | null;
  verification: Verification;
}

/** One noisy answer: all keys' figures of these metrics. */
export interface PolicyQuery {
  scope: Scope;
  metrics: string[];
  unit: number;
  threshold: number;
  error_95: number;
  sigma: number;
  rho: number;
  epsilon: number;
}

export interface PolicySummary {
  unit_of_privacy: string;
  bounds: Record<string, number>;
  suppression_sigmas: number;
  regions: number;
  providers: string[];
  queries: PolicyQuery[];
}

export interface Platform {
  platform: string;
  chain_id: number | null;
  registry: string | null;
  development: boolean;
  access: "open" | "keys";
  first_day: string | null;
  last_day: string | null;
  days: number;
  latest: Day | null;
  block_number: number | null;
  head: string | null;
  /** chain or IPFS does not answer: everything is as of `since` */
  stale: { since: string; error: string; detail: string } | null;
  rpc_urls: string[];
  gateways: string[];
  policy: PolicySummary | null;
  continents: Record<string, string>;
}

export interface Period {
  first_day: string;
  last_day: string;
  viewers: Total;
}

export interface DayFigures {
  day: string;
  revision: number;
  figures: Record<string, Figure>;
  average_watch_seconds: Derived;
}

export interface Totals {
  viewers: Total;
  watch_seconds: Total;
  average_watch_seconds: Derived;
}

export interface PlatformFigures {
  days: DayFigures[];
  totals: Totals & { views: Total };
  weekly_viewers: (Period & { week: string })[];
  monthly_viewers: (Period & { month: string })[];
}

export interface VideoItem extends Totals {
  video_id: string;
  creator_id: string;
  completion: Derived;
  days_shown: number;
}

export interface Video {
  video_id: string;
  creator_id: string;
  days: (DayFigures & { completion: Derived })[];
  totals: Totals & { completion: Derived };
}

/** How far a video's viewers came, in twentieths; `curve` is null if no bin is shown. */
export interface Retention {
  day: string;
  revision: number;
  bins: Figure[];
  curve: { reached: number[]; errors_95: number[]; suppressed_bins: number } | null;
}

export interface CreatorItem extends Totals {
  creator_id: string;
  videos: number;
  days_shown: number;
}

export interface Creator {
  creator_id: string;
  days: (DayFigures & { audience: Record<string, Figure> })[];
  totals: Totals & { audience: Record<string, Total> };
  videos: VideoItem[];
}

export interface RegionItem {
  region: string;
  continent: string;
  viewers: Total;
  days_shown: number;
}

export interface Quantiles {
  p50: QuantileRange;
  p75: QuantileRange;
  p95: QuantileRange;
}

/** Histograms of a storage provider's viewer-days; keys of the shares are edges. */
export interface ProviderDay {
  day: string;
  revision: number;
  viewers: Figure;
  startup: Figure[];
  rebuffer: Figure[];
  startup_ms: Quantiles;
  rebuffer_permille: Quantiles;
  startup_below_ms: Record<string, Share>;
  rebuffer_below_permille: Record<string, Share>;
}

export interface ProviderItem {
  provider: string;
  viewers: Total;
  days_shown: number;
  latest: ProviderDay | null;
}

export interface Provider {
  provider: string;
  startup_edges_ms: number[];
  rebuffer_edges_permille: number[];
  days: ProviderDay[];
  totals: { viewers: Total };
}

export interface BudgetDay {
  day: string;
  releases: number;
  rho_spent: number;
  rho_left: number;
  epsilon: number;
}

export interface Budget {
  delta: number;
  caps: { per_release: number; per_day: number; per_30_days: number } | null;
  days: BudgetDay[];
  thirty_days: {
    first_day: string;
    last_day: string;
    rho_spent: number;
    rho_reserved: number;
    rho_left: number;
    rho_cap: number;
    epsilon: number;
  } | null;
}

/** A commit or release as the registry has it. */
export interface ChainRecord {
  kind: "commit" | "release";
  day: string;
  revision: number;
  block_number: number;
  block_time: number;
  publisher: string;
  bundle_cid?: string;
  manifest_root?: string;
  report_root?: string;
  spend_nano_rho?: number;
}

export interface Erasure {
  day: string;
  revision: number;
  segments: string[];
  data_keys: number;
  erased_at: string;
  reason: string;
  published_in: { day: string; revision: number; bundle_cid: string };
}

export interface OperationsDay {
  day: string;
  accepted: number;
  duplicate: number;
  late: number;
  rejected: Record<string, number>;
  received: number;
  segments: number;
  segment_bytes: number;
  last_sealed_at: string | null;
  records: number;
  erased: boolean;
}
