/**
 * What a page passes to `init`, checked once. A mistake here is the page's own and throws at once;
 * after `init` the SDK never throws into the host page for something a viewer or network did.
 */
import type { Recipient } from "./batch.js";
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
/** Throws a TypeError naming the option. */
export declare function parseOptions(options: Options): Config;
/** Whether this viewer asked not to be measured (Global Privacy Control, Do Not Track). */
export declare function viewerOptedOut(): boolean;
