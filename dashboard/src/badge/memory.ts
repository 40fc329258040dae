// What this browser remembers for verifying: which node and which source of files the visitor chose,
// and which registry the figures of a server had when one first verified. Belongs here: localStorage.
import type { Place } from "../verify/index";

const ENTRY = "analytics-verify";

interface Memory {
  rpc?: string;
  /** URL of a gateway; absent: the page's own server */
  gateway?: string;
  /** by origins of servers */
  places?: Record<string, Place>;
}

/** For a browser that keeps nothing: as long as the page stands. */
let kept: Memory = {};

function read(): Memory {
  try {
    const memory: unknown = JSON.parse(localStorage.getItem(ENTRY) ?? "null");
    return typeof memory === "object" && memory !== null ? memory : kept;
  } catch {
    return kept; // storage is denied, or somebody else wrote there
  }
}

function write(memory: Memory): void {
  kept = memory;
  try {
    localStorage.setItem(ENTRY, JSON.stringify(memory));
  } catch {
    // it asks again next time
  }
}

export const chosen = (): Pick<Memory, "rpc" | "gateway"> => read();

export function choose(rpc: string, gateway: string): void {
  const { rpc: _, gateway: __, ...rest } = read();
  write({ ...rest, ...(rpc ? { rpc } : {}), ...(gateway ? { gateway } : {}) });
}

/** Platform and registry of a server's figures when one first verified here. */
export const remembered = (server: string): Place | undefined => read().places?.[server];

export function remember(server: string, place: Place): void {
  const memory = read();
  write({ ...memory, places: { ...memory.places, [server]: place } });
}

export function forget(server: string): void {
  const memory = read();
  const { [server]: _, ...places } = memory.places ?? {};
  write({ ...memory, places });
}
