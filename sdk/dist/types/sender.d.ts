import type { PlayerEvent } from "./event.js";
import type { Config } from "./options.js";
export declare const BATCH_EVENTS = 20;
export declare const BATCH_WAIT_MS = 10000;
export declare const MAX_WAITING = 500;
export interface Stats {
    /** Events waiting or under way. */
    waiting: number;
    /** Events the API accepted. */
    accepted: number;
    /** Events handed to the browser while the page was closing; nobody learns if they arrived. */
    beaconed: number;
    /** Events of batches the API refused for good. */
    refused: number;
    /** Events dropped because too many were waiting. */
    dropped: number;
    /** Repeated uploads. */
    retries: number;
}
export declare class Sender {
    private readonly config;
    private readonly log;
    private readonly waiting;
    private readonly spare;
    private upload;
    private posting;
    private running;
    private timer;
    private retryDue;
    /** Resolves when a page that is left from now on can still send what it has. */
    readonly ready: Promise<void>;
    private readonly counted;
    constructor(config: Config, log: (message: string) => void);
    get stats(): Stats;
    push(event: PlayerEvent): void;
    /** Sends what waits, now. Resolves when all is answered or a batch has to be tried again. */
    flush(): Promise<void>;
    /** Synchronous: hands everything that waits to `sendBeacon`. */
    leave(): void;
    private drain;
    /** One try. True if the batch is settled, false if it waits for another try. */
    private attempt;
    /** The HTTP status, or 0 if there was no answer. */
    private post;
    private beacon;
    private prepareSpares;
    /** A new envelope, or null where the browser has no X25519 (or the page is not secure). */
    private prepared;
}
