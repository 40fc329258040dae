// What a verification reads, read once: the records of one node at one moment, and published files.
// For many figures of one page make one; for a new look at the chain make another.
import { loadFile, type ContentSource, type Wanted } from "./content";
import type { Lie } from "./errors";
import { readHistory, type History, type Place } from "./registry";
import type { Ask } from "./rpc";

export interface EvidenceOptions {
  /** platform and registry as they were when a figure of this server verified before */
  remembered?: Place | undefined;
  /** see `readHistory` */
  pauseMs?: number;
}

export class Evidence {
  private records: Promise<History> | null = null;
  private readonly files = new Map<string, Promise<Uint8Array>>();

  constructor(
    readonly place: Place,
    readonly ask: Ask,
    readonly content: ContentSource,
    readonly options: EvidenceOptions = {},
  ) {}

  /** See `readHistory`. */
  history(): Promise<History> {
    return (this.records ??= readHistory(this.ask, this.place, this.options.pauseMs));
  }

  /** See `loadFile`. */
  file(wanted: Wanted, lie: Lie): Promise<Uint8Array> {
    let file = this.files.get(wanted.cid);
    if (!file) {
      file = loadFile(this.content, wanted, lie);
      this.files.set(wanted.cid, file);
    }
    return file;
  }
}
