/**
 * What a page passes to `init`, checked once. A mistake here is the page's own and throws at once;
 * after `init` the SDK never throws into the host page for something a viewer or network did.
 */
import type { Recipient } from "./batch.js";
import { type Bytes, fromBase64url } from "./bytes.js";

export interface Options {
  projectId: string;
  apiKey: string;
  /** Origin (and path, if any) of the ingestion API, e.g. `https://events.example.org`. */
  endpoint: string;
  /** Name of the platform's current public key. */
  keyId: string;
  /** The platform's X25519 public key: 32 bytes in base64url. */
  publicKey: string;
  /** `production` (default) insists on https, except on this machine. */
  environment?: "production" | "development";
  /** `high`: the device counts for itself and sends sums of the day; needs an API key of that kind. */
  privacyLevel?: "standard" | "high";
  /** Keep the last day with a play (and in `high` today's counts) in localStorage. Default: true. */
  storage?: boolean;
  /** Send nothing for viewers who set Global Privacy Control or Do Not Track. Default: true. */
  respectPrivacySignals?: boolean;
  /** Log each event and upload to the console. Default: false. */
  debug?: boolean;
}

export interface Config extends Recipient {
  url: string;
  high: boolean;
  storage: boolean;
  respectPrivacySignals: boolean;
  debug: boolean;
}

const NAME = /^[A-Za-z0-9._-]{1,64}$/;
const LOCAL_HOSTS = ["localhost", "127.0.0.1", "[::1]"];

function parsePublicKey(text: string): Bytes {
  let key: Bytes;
  try {
    key = fromBase64url(text);
  } catch {
    throw new TypeError("publicKey: not base64url");
  }
  if (key.length !== 32) throw new TypeError("publicKey: an X25519 key has 32 bytes");
  return key;
}

function parseEndpoint(endpoint: string, environment: string): string {
  let url: URL;
  try {
    url = new URL(endpoint);
  } catch {
    throw new TypeError("endpoint: not a URL");
  }
  const secure = url.protocol === "https:" || LOCAL_HOSTS.includes(url.hostname);
  if (environment === "production" && !secure) {
    throw new TypeError("endpoint: must be https in production");
  }
  return `${url.origin}${url.pathname.replace(/\/+$/, "")}/api/v1/batches`;
}

/** Throws a TypeError naming the option. */
export function parseOptions(options: Options): Config {
  const environment = options.environment ?? "production";
  if (environment !== "production" && environment !== "development") {
    throw new TypeError("environment: 'production' or 'development'");
  }
  const privacyLevel = options.privacyLevel ?? "standard";
  if (privacyLevel !== "standard" && privacyLevel !== "high") {
    throw new TypeError("privacyLevel: 'standard' or 'high'");
  }
  if (!NAME.test(options.projectId)) throw new TypeError("projectId: 1 to 64 of A-Z a-z 0-9 . _ -");
  if (!NAME.test(options.keyId)) throw new TypeError("keyId: 1 to 64 of A-Z a-z 0-9 . _ -");
  if (typeof options.apiKey !== "string" || options.apiKey.length > 128) {
    throw new TypeError("apiKey: a string of at most 128 characters");
  }
  return {
    projectId: options.projectId,
    apiKey: options.apiKey,
    keyId: options.keyId,
    publicKey: parsePublicKey(options.publicKey),
    url: parseEndpoint(options.endpoint, environment),
    high: privacyLevel === "high",
    storage: options.storage ?? true,
    respectPrivacySignals: options.respectPrivacySignals ?? true,
    debug: options.debug ?? false,
  };
}

/** Whether this viewer asked not to be measured (Global Privacy Control, Do Not Track). */
export function viewerOptedOut(): boolean {
  const signals = globalThis.navigator as
    | (Navigator & { globalPrivacyControl?: boolean })
    | undefined;
  return signals?.globalPrivacyControl === true || signals?.doNotTrack === "1";
}
