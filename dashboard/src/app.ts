// What every page is given, and what it gives back.
import type { ApiClient, Query } from "./api/client";
import type { Platform } from "./api/types";
import type { Child } from "./ui/dom";

export interface Context {
  api: ApiClient;
  platform: Platform;
  /** Parts of the path that the route names, decoded. */
  parameters: string[];
  query: URLSearchParams;
  signal: AbortSignal;
  /** The chosen days, as the API wants them; empty: its default. */
  range: Query;
  /** Changes the address without loading the page anew: selections within it. */
  select(changes: Record<string, string | null>): void;
  /** Loads the page anew with a changed address. */
  visit(path: string, changes?: Record<string, string | null>): void;
}

export interface PageContent {
  title: string;
  body: Child;
}

export type PageFunction = (context: Context) => Promise<PageContent>;

/** Address of a page that keeps the chosen days. */
export function link(context: Context, path: string, more: Record<string, string> = {}): string {
  const query = new URLSearchParams();
  for (const name of ["from", "to"]) {
    const value = context.query.get(name);
    if (value) query.set(name, value);
  }
  for (const [name, value] of Object.entries(more)) query.set(name, value);
  const text = query.toString();
  return path + (text ? `?${text}` : "");
}
