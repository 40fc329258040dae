// Figures that are on record, in the place of others: a badge would turn green over each.
import assert from "node:assert/strict";
import { test } from "node:test";

import { requireAbout, requireBins, requireDays } from "../src/api/subject";
import type { Figure } from "../src/api/types";

const FIGURE = { scope: "video", key: "one", metric: "viewers", day: "2026-03-02", revision: 2 } as Figure;
const DAY = { day: "2026-03-02", revision: 2, figures: { viewers: FIGURE } };
const ANOTHER = { message: /in the place of/ };

test("figures of what was asked for are taken", () => {
  requireAbout(FIGURE, { scope: "video", key: undefined });
  requireDays([DAY], { scope: "video", key: "one" });
  requireBins([{ ...FIGURE, metric: "bin_0" }], { key: "one" }, (bin) => `bin_${bin}`);
});

test("figures of something else are not", () => {
  const others: Partial<Figure>[] = [
    { scope: "creator" }, { key: "two" }, { metric: "watch_seconds" }, { day: "2026-03-01" }, { revision: 1 },
  ];
  for (const other of others) {
    const days = [{ ...DAY, figures: { viewers: { ...FIGURE, ...other } } }];
    assert.throws(() => requireDays(days, { scope: "video", key: "one" }), ANOTHER);
  }
  const swapped = ["bin_1", "bin_0"].map((metric) => ({ ...FIGURE, metric }));
  assert.throws(() => requireBins(swapped, {}, (bin) => `bin_${bin}`), ANOTHER);
});
