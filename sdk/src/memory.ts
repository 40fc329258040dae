/**
 * The one thing this device may remember between pages: an entry of localStorage per project.
 *
 *     analytics-pipeline.<projectId>   {"last": "2026-11-22", "today": {…}}
 *
 * `last` is the last UTC day with a play; it names nobody. `today` exists in the privacy level `high`
 * only: the day's own counts (`aggregate`), dropped when their day is over. Where nothing may or can
 * be stored, a page remembers for itself, and `lasting` is false.
 */
import type { Counts } from "./aggregate.js";
import { type FirstDays, dayOf, firstDays } from "./day.js";

interface Remembered {
  last?: string;
  today?: Counts;
}

export class Memory {
  private readonly name: string;
  private held: Remembered = {};

  /** @param lasting whether anything may be stored; false as soon as the browser refuses. */
  constructor(
    projectId: string,
    private lasting: boolean,
  ) {
    this.name = `analytics-pipeline.${projectId}`;
  }

  /** Bits for the first play of `day` on this device, nothing for later ones. */
  firstPlay(day: string): FirstDays {
    let bits: FirstDays = {};
    this.change((kept) => {
      bits = firstDays(day, kept.last);
      kept.last = day;
    });
    return this.lasting ? bits : {};
  }

  /** Counts of `day`: those of this device's other pages, too, if they can be remembered. */
  counts(day: string): Counts | undefined {
    this.change(() => {});
    return this.held.today?.day === day ? this.held.today : undefined;
  }

  keep(counts: Counts): void {
    this.change((kept) => (kept.today = counts));
  }

  /** Reads, drops a day that is over, alters, and writes if that changed anything. */
  private change(alter: (kept: Remembered) => void): void {
    let text = "{}";
    try {
      if (this.lasting) {
        text = localStorage.getItem(this.name) ?? text;
        this.held = parse(text);
      }
    } catch {
      this.lasting = false;
    }
    const kept = this.held;
    if (kept.today?.day !== dayOf(Date.now())) delete kept.today;
    alter(kept);
    const altered = JSON.stringify(kept);
    try {
      if (this.lasting && altered !== text) localStorage.setItem(this.name, altered);
    } catch {
      this.lasting = false;
    }
  }
}

/** What was stored; nothing, if something else altered it. */
function parse(text: string): Remembered {
  try {
    const { last, today } = JSON.parse(text) as Remembered;
    return {
      ...(typeof last === "string" && { last }),
      ...(Array.isArray(today?.videos) && { today }),
    };
  } catch {
    return {};
  }
}
