// How the operator works, as everybody can see it: releases and corrections, records on chain,
// receipts of erasure; and with an operator's key the exact counts of events.
import { readDays } from "../api/days";
import type { ChainRecord, Day, Erasure, Page } from "../api/types";
import { link, type Context, type PageContent } from "../app";
import { h, type Child } from "../ui/dom";
import { count, day as dayText, decimal, moment, shortHash } from "../ui/format";
import { pageHead } from "../ui/head";
import { moreButton } from "../ui/more";
import { table, tableRow, type Column } from "../ui/table";
import { revisionNote } from "../ui/trend";
import { countsCard } from "./counts";
import { noDays, verificationView } from "./trust";

/** Records of a page. */
const RECORDS = 20;

export async function operationsPage(context: Context): Promise<PageContent> {
  const { api, range, signal } = context;
  const title = "Operations";
  const [days, records, erasures] = await Promise.all([
    readDays(api, range, signal),
    api.get<Page<ChainRecord>>("/api/v1/records", { limit: RECORDS }, signal),
    api.get<Page<Erasure>>("/api/v1/erasures", {}, signal),
  ]);
  const head = pageHead(context, {
    title,
    about: "Releases, corrections, records and erasures: what an operator cannot hide.",
    range: true,
  });
  return {
    title,
    body: [
      head,
      days.length ? releasesCard(context, days) : noDays(context),
      countsCard(context),
      recordsCard(context, records),
      erasuresCard(context, erasures.data),
    ],
  };
}

export function plainCard(title: string, about: Child, ...content: Child[]): HTMLElement {
  return h(
    "section",
    { class: "card", "aria-label": title },
    h("header", { class: "card-head" }, h("div", null, h("h2", null, title), h("p", null, about))),
    ...content,
  );
}

function releasesCard(context: Context, days: readonly Day[]): HTMLElement {
  return plainCard(
    "Released days",
    "A correction is a new revision: it names what it corrects, has fresh noise and spends of the same day's budget.",
    table(
      "Released days",
      [
        {
          name: "Day",
          cell: ({ day }: Day) =>
            h("a", { href: link(context, `/days/${day}`) }, dayText(day, "weekday")),
        },
        { name: "Revision", cell: revisionNote },
        { name: "Verified", cell: verificationView },
        { name: "Figures", numeric: true, cell: ({ rows }) => (rows === null ? "–" : count(rows)) },
        {
          name: "Too few",
          numeric: true,
          cell: ({ suppressed_rows }) => (suppressed_rows === null ? "–" : count(suppressed_rows)),
        },
        {
          name: "Segments",
          numeric: true,
          cell: ({ segments }) => (segments === null ? "–" : count(segments)),
        },
        {
          name: "ε of the day",
          numeric: true,
          cell: ({ epsilon_of_the_day }) => decimal(epsilon_of_the_day, 2),
        },
        { name: "Block", numeric: true, cell: ({ block_number }) => count(block_number) },
      ],
      days,
    ),
  );
}

function recordsCard(context: Context, first: Page<ChainRecord>): HTMLElement {
  const columns: Column<ChainRecord>[] = [
    {
      name: "Record",
      cell: ({ kind, day }) => [
        kind === "commit" ? "Commit of " : "Release of ",
        h("a", { href: link(context, `/days/${day}`) }, dayText(day)),
      ],
    },
    { name: "Revision", numeric: true, cell: ({ revision }) => String(revision) },
    { name: "Block", numeric: true, cell: ({ block_number }) => count(block_number) },
    { name: "Time", cell: ({ block_time }) => moment(block_time) },
    {
      name: "Names",
      cell: ({ bundle_cid, manifest_root }) =>
        h(
          "code",
          { title: bundle_cid ?? manifest_root ?? "" },
          shortHash(bundle_cid ?? manifest_root ?? ""),
        ),
    },
  ];
  const empty = first.data.length === 0 && h("p", { class: "state" }, "No record yet.");
  const list = table("Records", columns, first.data);
  const more = moreButton(first.page.next, async (cursor) => {
    const page: Page<ChainRecord> = await context.api.get("/api/v1/records", {
      limit: RECORDS,
      cursor,
    });
    list.querySelector("tbody")?.append(...page.data.map((record) => tableRow(columns, record)));
    return page.page.next;
  });
  return plainCard(
    "Records",
    [
      "Registry ",
      h("code", null, context.platform.registry ?? "–"),
      ` on chain ${context.platform.chain_id ?? "–"}. Nothing in it can be altered or taken out.`,
    ],
    empty || list,
    more,
  );
}

function erasuresCard(context: Context, erasures: readonly Erasure[]): HTMLElement {
  const about =
    "Raw events are destroyed with their keys when their time is over; a receipt says so and is checked by whoever verifies.";
  if (erasures.length === 0)
    return plainCard("Erasures", about, h("p", { class: "state" }, "No day has been erased yet."));
  return plainCard(
    "Erasures",
    about,
    table(
      "Erasure receipts",
      [
        {
          name: "Day erased",
          cell: ({ day }: Erasure) => h("a", { href: link(context, `/days/${day}`) }, dayText(day)),
        },
        { name: "On", cell: ({ erased_at }) => moment(Date.parse(erased_at) / 1000) },
        { name: "Segments", numeric: true, cell: ({ segments }) => count(segments.length) },
        { name: "Data keys", numeric: true, cell: ({ data_keys }) => count(data_keys) },
        { name: "Reason", cell: ({ reason }) => reason },
        {
          name: "Receipt in",
          cell: ({ published_in }) =>
            h(
              "a",
              { href: link(context, `/days/${published_in.day}`) },
              dayText(published_in.day, "short"),
            ),
        },
      ],
      erasures,
    ),
  );
}
