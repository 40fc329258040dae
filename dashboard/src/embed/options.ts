// What a host page asks for, from the attributes of a script tag or the query of badge.html.
// Belongs here: parsing. Everything throws a TypeError that names the option.

export interface EmbedOptions {
  /** origin of the read API */
  api: string;
  platform: string;
  scope: "platform" | "video" | "creator" | "region" | "provider";
  key: string;
  metric: string;
  /** so many of the newest days */
  days: number;
  /** JSON-RPC endpoint; empty: the one the API offers */
  rpc: string;
  /** trustless gateway for the files; empty: the API */
  gateway: string;
  /** what the host page knows of the platform's registry; else the API's word is taken */
  registry: string;
  chainId: number | null;
  title: string;
  theme: "auto" | "light" | "dark";
}

const SCOPES = ["platform", "video", "creator", "region", "provider"] as const;
const THEMES = ["auto", "light", "dark"] as const;
const MOST_DAYS = 90;

/**
 * @param given by names such as `platform` and `chain-id`
 * @param script address of the script, whose origin is the API unless another is given
 */
export function parseOptions(given: (name: string) => string | null, script: string): EmbedOptions {
  const text = (name: string, pattern: RegExp, fallback?: string): string => {
    const value = given(name) ?? fallback;
    if (value === undefined) throw new TypeError(`data-${name} is missing`);
    if (!pattern.test(value)) throw new TypeError(`data-${name}: not ${pattern.source}`);
    return value;
  };
  const one = <Choice extends string>(name: string, choices: readonly Choice[], fallback?: Choice): Choice => {
    const value = text(name, /^\w+$/, fallback);
    const found = choices.find((choice) => choice === value);
    if (!found) throw new TypeError(`data-${name}: one of ${choices.join(", ")}`);
    return found;
  };
  const url = (name: string): string => text(name, /^(https?:\/\/\S+)?$/, "");
  const scope = one("scope", SCOPES, "platform");
  const days = Number(text("days", /^\d{1,3}$/, "1"));
  if (days < 1 || days > MOST_DAYS) throw new TypeError(`data-days: 1 to ${MOST_DAYS}`);
  const chainId = text("chain-id", /^\d{0,16}$/, "");
  return {
    api: url("api") || new URL(script).origin,
    platform: text("platform", /^[A-Za-z0-9._-]{1,64}$/),
    scope,
    key: scope === "platform" ? "" : text("key", /^[A-Za-z0-9._:-]{1,128}$/),
    metric: text("metric", /^[a-z_0-9]{1,64}$/, "viewers"),
    days,
    rpc: url("rpc"),
    gateway: url("gateway"),
    registry: text("registry", /^(0x[0-9a-fA-F]{40})?$/, ""),
    chainId: chainId ? Number(chainId) : null,
    title: text("title", /^[^<>]{0,120}$/s, ""),
    theme: one("theme", THEMES, "auto"),
  };
}
