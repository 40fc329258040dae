// Lists that are read to their end, page after page.
import type { ApiClient, Query } from "./client";
import type { Day, Page } from "./types";

/** All items of a list; at most so many pages, for a dashboard is no export. */
export async function readAll<Item>(
  api: ApiClient,
  path: string,
  query: Query,
  signal: AbortSignal,
  mostPages = 10,
): Promise<Item[]> {
  const items: Item[] = [];
  let cursor: string | undefined;
  for (let page = 0; page < mostPages; page++) {
    const answer: Page<Item> = await api.get(path, { ...query, cursor }, signal);
    items.push(...answer.data);
    if (!answer.page.next) break;
    cursor = answer.page.next;
  }
  return items;
}

/** Releases of the days shown, newest first. */
export const readDays = (api: ApiClient, range: Query, signal: AbortSignal): Promise<Day[]> =>
  readAll<Day>(api, "/api/v1/days", range, signal);
