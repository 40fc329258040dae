// One released day: its revisions side by side, and what chain and IPFS hold of it.
import { readAll } from "../api/days";
import { requireAbout } from "../api/subject";
import type { Day, Figure } from "../api/types";
import { link, type Context, type PageContent } from "../app";
import { copyable } from "../badge/steps";
import { h } from "../ui/dom";
import { figureView } from "../ui/figure";
import { count, day as dayText, decimal, moment, percent } from "../ui/format";
import { pageHead } from "../ui/head";
import { metricName, reservationName } from "../ui/names";
import { table } from "../ui/table";
import { revisionNote } from "../ui/trend";
import { plainCard } from "./operations";
import { fact, verificationView } from "./trust";

export async function dayPage(context: Context): Promise<PageContent> {
  const {
    api,
    signal,
    parameters: [day = ""],
  } = context;
  const newest = await api.get<Day>(`/api/v1/days/${encodeURIComponent(day)}`, {}, signal);
  const releases = await Promise.all(
    newest.revisions.map((revision) =>
      revision === newest.revision
        ? newest
        : api.get<Day>(`/api/v1/days/${day}/revisions/${revision}`, {}, signal),
    ),
  );
  const figures = await Promise.all(
    newest.revisions.map((revision) =>
      readAll<Figure>(
        api,
        "/api/v1/figures",
        { scope: "platform", from: day, to: day, revision },
        signal,
      ),
    ),
  );
  newest.revisions.forEach((revision, place) => {
    const subject = { scope: "platform", key: "", day, revision } as const;
    for (const figure of figures[place] ?? []) requireAbout(figure, subject);
  });
  const title = dayText(day, "long");
  return {
    title,
    body: [
      pageHead(context, {
        title,
        above: h("a", { href: link(context, "/operations") }, "Released days"),
        about: [revisionNote(newest), " ", verificationView(newest)],
      }),
      figuresCard(context, newest, figures),
      releases.toReversed().map((release) => releaseCard(release)),
    ],
  };
}

function figuresCard(
  context: Context,
  { revisions, revision }: Day,
  figures: readonly Figure[][],
): HTMLElement {
  const metrics = [...new Set(figures.flat().map(({ metric }) => metric))];
  const about =
    revisions.length > 1
      ? "Each revision has fresh noise, so figures differ even where nothing came late. The newest counts."
      : "The platform's figures of this day.";
  return plainCard(
    "Figures",
    about,
    table(
      "Figures by revision",
      [
        { name: "Figure", cell: (metric: string) => metricName(metric) },
        ...revisions.toReversed().map((each) => ({
          name: each === revision ? `Revision ${each}` : `Revision ${each}, superseded`,
          numeric: true,
          cell: (metric: string) => {
            const place = revisions.indexOf(each);
            const found = figures[place]?.find((figure) => figure.metric === metric);
            return figureView(found, context.api, { superseded: each !== revision });
          },
        })),
      ],
      metrics,
    ),
  );
}

function releaseCard(release: Day): HTMLElement {
  const {
    verification: { error, reservations },
  } = release;
  return plainCard(
    `Revision ${release.revision}`,
    release.reason ?? "",
    h(
      "dl",
      { class: "facts" },
      fact("Verification", [
        verificationView(release),
        error && ` Check ${error.number}: ${error.detail}`,
      ]),
      reservations.length > 0 &&
        fact("With a reservation", reservations.map(reservationName).join("; ")),
      release.previous_bundle &&
        fact("Corrects bundle", copyable(release.previous_bundle, "previous bundle")),
      release.rows !== null &&
        release.suppressed_rows !== null &&
        fact(
          "Figures",
          `${count(release.rows)}, ${percent(release.suppressed_rows / release.rows)} too few to show`,
        ),
      release.segments !== null && fact("Segments", count(release.segments)),
      fact(
        "Spent",
        `ρ ${decimal(release.rho, 3)}, ε ${decimal(release.epsilon, 2)}; all of the day: ρ ${decimal(release.rho_of_the_day, 3)}, ε ${decimal(release.epsilon_of_the_day, 2)}`,
      ),
      fact("Block", `${count(release.block_number)}, ${moment(release.block_time)}`),
      fact("Publisher", copyable(release.publisher, "publisher")),
      fact("Report root", copyable(release.report_root, "report root")),
      fact("Report", copyable(release.report_cid, "report cid")),
      fact("Bundle", copyable(release.bundle_cid, "bundle cid")),
    ),
  );
}
