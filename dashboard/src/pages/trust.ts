// What stands behind the figures: verification, budget, suppression, corrections; and what to say
// where there are none.
import type { Day } from "../api/types";
import { link, type Context } from "../app";
import { h, type Child } from "../ui/dom";
import { count, day as dayText, decimal, percent } from "../ui/format";
import { reservationName } from "../ui/names";
import { emptyState } from "../ui/states";

export function nothingYet(): HTMLElement {
  return emptyState(
    "Nothing is released yet",
    "The first figures appear when the operator has released a day: ",
    h("code", null, "analytics-pipeline compute"),
    ".",
  );
}

export function noDays({ platform }: Context): HTMLElement {
  if (platform.days === 0) return nothingYet();
  return emptyState(
    "No released day in this range",
    "Released are ",
    dayText(platform.first_day ?? ""),
    " to ",
    dayText(platform.last_day ?? ""),
    ". Choose days among these.",
  );
}

export function verificationView({ verification }: Day): HTMLElement {
  const { state, checks, error } = verification;
  if (state === "verified")
    return h("span", { class: "chip chip-good" }, `verified, ${checks} checks`);
  if (state === "failed") {
    return h("span", { class: "chip chip-bad" }, `failed: ${error?.name ?? "unknown"}`);
  }
  return h("span", { class: "chip chip-warn" }, "bundle not available yet");
}

export function trustCard(context: Context, days: readonly Day[]): HTMLElement {
  const latest = days[0];
  const corrected = days.filter(({ revisions }) => revisions.length > 1);
  const failed = days.filter(({ verification }) => verification.state !== "verified");
  return h(
    "section",
    { class: "card", "aria-labelledby": "trust" },
    h(
      "header",
      { class: "card-head" },
      h(
        "div",
        null,
        h("h2", { id: "trust" }, "What stands behind these figures"),
        h(
          "p",
          null,
          "You need not take this from us: the badge beside a figure checks it in your browser.",
        ),
      ),
    ),
    latest &&
      h(
        "dl",
        { class: "facts" },
        fact("Newest day", [
          h("a", { href: link(context, `/days/${latest.day}`) }, dayText(latest.day)),
          " ",
          verificationView(latest),
        ]),
        failed.length > 0 &&
          fact(
            "Not verified yet",
            failed.map(({ day }) => dayLink(context, day)),
          ),
        latest.verification.reservations.length > 0 &&
          fact(
            "With a reservation",
            latest.verification.reservations.map(reservationName).join("; "),
          ),
        fact("Privacy loss", [
          `ε ${decimal(latest.epsilon_of_the_day, 2)} for a viewer of that day. `,
          h("a", { href: link(context, "/privacy") }, "What that means"),
        ]),
        latest.rows !== null &&
          latest.suppressed_rows !== null &&
          fact(
            "Too few to show",
            `${percent(latest.suppressed_rows / latest.rows)} of ${count(latest.rows)} figures`,
          ),
        fact(
          "Corrected days",
          corrected.length ? corrected.map(({ day }) => dayLink(context, day)) : "none of these",
        ),
      ),
    h("a", { class: "more", href: link(context, "/verify") }, "Verify it yourself"),
  );
}

function dayLink(context: Context, day: string): Child {
  return [h("a", { href: link(context, `/days/${day}`) }, dayText(day, "short")), " "];
}

export function fact(name: string, value: Child): HTMLElement {
  return h("div", null, h("dt", null, name), h("dd", null, value));
}
