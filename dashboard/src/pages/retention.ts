// How far a video's viewers came on one day: the curve with its error band, and its twenty bins.
import type { Figure, Retention, Video } from "../api/types";
import type { Context } from "../app";
import { chartCard } from "../charts/card";
import { linePlot } from "../charts/plot";
import type { Point } from "../charts/points";
import { dayChoice } from "../ui/choice";
import { h, type Child } from "../ui/dom";
import { figureView, tooFew, valueView } from "../ui/figure";
import { day as dayText, percent } from "../ui/format";
import { retentionBin } from "../ui/names";
import { table } from "../ui/table";

export function retentionCard(context: Context, video: Video, retention: Retention): HTMLElement {
  const { curve, bins, day, revision } = retention;
  const detail = h("div", { class: "detail" });
  const points: Point[] = (curve?.reached ?? []).map((reached, bin) => ({
    x: 5 * bin,
    label: `after ${percent(bin / 20)} of the video`,
    value: reached,
    low: reached - (curve?.errors_95[bin] ?? 0),
    high: reached + (curve?.errors_95[bin] ?? 0),
    threshold: 0,
  }));
  const choose = (bin: number): void => {
    const point = points[bin];
    if (point?.value == null) return;
    detail.replaceChildren(
      h("p", null, h("strong", null, `${percent(bin / 20)} of the video`)),
      h(
        "p",
        { class: "detail-figures" },
        h("span", null, "reached by ", valueView("viewers", point.value, point.high - point.value)),
        h(
          "span",
          { class: "detail-from" },
          `furthest at ${retentionBin(bin)}: `,
          figureView(bins[bin], context.api),
        ),
      ),
    );
  };
  if (curve) choose(0);
  return chartCard(context.api, {
    title: "Audience retention",
    about: [
      "Viewers who reached each twentieth of the video, counted from its end. ",
      hiddenNote(curve, bins),
    ],
    chart: [
      dayChoice(
        context,
        "curve",
        "Day",
        video.days.map((each) => each.day),
        day,
      ),
      curve
        ? linePlot({
            name: `Audience retention of ${video.video_id} on ${dayText(day, "long")}`,
            kind: "viewers",
            points,
            ticks: (width) =>
              (width < 420 ? [0, 50, 95] : [0, 25, 50, 75, 95]).map((x) => ({
                x,
                label: percent(x / 100),
              })),
            selected: 0,
            onSelect: choose,
          })
        : h(
            "p",
            { class: "state" },
            "Of this day every part is ",
            tooFew(bins[0]?.threshold),
            ". Choose another day.",
          ),
    ],
    table: () => binTable(context, retention),
    csv: {
      path: "/api/v1/figures",
      query: { scope: "video", key: video.video_id, from: day, to: day, revision, proofs: "none" },
      name: `retention-${video.video_id}-${day}`,
    },
    detail: curve ? detail : null,
  });
}

function hiddenNote(curve: Retention["curve"], bins: readonly Figure[]): Child {
  if (!curve) return null;
  if (curve.suppressed_bins === 0) return "All twenty parts are shown.";
  return [
    `${curve.suppressed_bins} of 20 parts are `,
    tooFew(bins[0]?.threshold),
    " and missing from the sums, so the curve is a lower bound.",
  ];
}

function binTable(context: Context, { curve, bins }: Retention): HTMLElement {
  return table(
    "Retention by twentieth",
    [
      { name: "Part", cell: (bin: number) => retentionBin(bin) },
      {
        name: "Reached by",
        numeric: true,
        cell: (bin) =>
          curve
            ? valueView("viewers", curve.reached[bin] ?? 0, curve.errors_95[bin] ?? 0)
            : tooFew(),
      },
      { name: "Left here", numeric: true, cell: (bin) => figureView(bins[bin], context.api) },
    ],
    bins.map((_, bin) => bin),
  );
}
