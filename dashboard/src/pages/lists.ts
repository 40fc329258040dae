// The lists of videos and creators: sorted by the API, read on when asked.
import type { Query } from "../api/client";
import type { CreatorItem, Page, Totals, VideoItem } from "../api/types";
import { link, type Context, type PageContent } from "../app";
import { csvLink } from "../charts/card";
import { h } from "../ui/dom";
import { derivedView, totalView } from "../ui/figure";
import { count } from "../ui/format";
import { pageHead } from "../ui/head";
import { moreButton } from "../ui/more";
import { table, tableRow, type Column } from "../ui/table";
import { threshold } from "../ui/tiles";
import { noDays } from "./trust";

const SORTS = { viewers: "Viewers", watch_seconds: "Watch time" } as const;
const PAGE_LENGTH = 50;

export function videosPage(context: Context): Promise<PageContent> {
  const columns: Column<VideoItem>[] = [
    {
      name: "Video",
      cell: ({ video_id }) =>
        h("a", { href: link(context, `/videos/${encodeURIComponent(video_id)}`) }, video_id),
    },
    {
      name: "Creator",
      cell: ({ creator_id }) =>
        h("a", { href: link(context, `/creators/${encodeURIComponent(creator_id)}`) }, creator_id),
    },
    ...totalColumns<VideoItem>(context, "video"),
    {
      name: "Completed",
      numeric: true,
      cell: ({ completion }) => derivedView("share", completion),
    },
  ];
  return listPage(
    context,
    "Videos",
    "/api/v1/videos",
    "video",
    columns,
    "Sums over these days. A video whose figures are too few to show on every day has none.",
  );
}

export function creatorsPage(context: Context): Promise<PageContent> {
  const columns: Column<CreatorItem>[] = [
    {
      name: "Creator",
      cell: ({ creator_id }) =>
        h("a", { href: link(context, `/creators/${encodeURIComponent(creator_id)}`) }, creator_id),
    },
    { name: "Videos", numeric: true, cell: ({ videos }) => count(videos) },
    ...totalColumns<CreatorItem>(context, "creator"),
  ];
  return listPage(
    context,
    "Creators",
    "/api/v1/creators",
    "creator",
    columns,
    "Sums over these days. A viewer of several videos counts once a day for their creator.",
  );
}

function totalColumns<Item extends Totals & { days_shown: number }>(
  context: Context,
  scope: string,
): Column<Item>[] {
  const least = (metric: string): number | undefined => threshold(context, scope, metric);
  return [
    {
      name: "Viewers",
      numeric: true,
      cell: ({ viewers }) => totalView("viewers", viewers, least("viewers")),
    },
    {
      name: "Watch time",
      numeric: true,
      cell: ({ watch_seconds }) => totalView("seconds", watch_seconds, least("watch_seconds")),
    },
    {
      name: "Average",
      numeric: true,
      cell: ({ average_watch_seconds }) => derivedView("duration", average_watch_seconds),
    },
  ];
}

async function listPage<Item>(
  context: Context,
  title: string,
  path: string,
  scope: string,
  columns: readonly Column<Item>[],
  about: string,
): Promise<PageContent> {
  const { api, range, signal, query } = context;
  const sort = query.get("sort") ?? "viewers";
  const ask = (cursor?: string): Promise<Page<Item>> => {
    const asked: Query = { ...range, sort, limit: PAGE_LENGTH, cursor };
    return api.get<Page<Item>>(path, asked, signal);
  };
  const first = await ask();
  const head = pageHead(context, { title, about, range: true });
  if (first.data.length === 0) return { title, body: [head, noDays(context)] };
  const list = table(title, columns, first.data);
  const body = list.querySelector("tbody");
  const more = moreButton(first.page.next, async (cursor) => {
    const page = await ask(cursor);
    body?.append(...page.data.map((item) => tableRow(columns, item)));
    return page.page.next;
  });
  const csv = csvLink(
    api,
    {
      path: "/api/v1/figures",
      query: { scope, metric: sort in SORTS ? sort : undefined, ...range, proofs: "none" },
      name: `${scope}s`,
    },
    title,
  );
  return {
    title,
    body: [
      head,
      h(
        "section",
        { class: "card", "aria-label": title },
        h("div", { class: "list-tools" }, sortChoice(context, sort), csv),
        list,
        more,
      ),
    ],
  };
}

function sortChoice(context: Context, sort: string): HTMLElement {
  return h(
    "div",
    { class: "field-inline" },
    h("label", { for: "sort" }, "Sorted by"),
    h(
      "select",
      {
        id: "sort",
        onchange: (event: Event) =>
          context.visit(location.pathname, { sort: (event.target as HTMLSelectElement).value }),
      },
      Object.entries(SORTS).map(([value, name]) =>
        h("option", { value, selected: value === sort }, name),
      ),
    ),
  );
}
