// Exact counts of accepted, rejected and late events. They have no noise, so only the operator may
// see them: with a key that is typed in and stays in this tab.
import { ApiProblem } from "../api/client";
import { readAll } from "../api/days";
import type { OperationsDay } from "../api/types";
import type { Context } from "../app";
import { h } from "../ui/dom";
import { count, day as dayText } from "../ui/format";
import { errorState, keyForm } from "../ui/states";
import { table } from "../ui/table";
import { plainCard } from "./operations";

export function countsCard(context: Context): HTMLElement {
  const body = h("div", { class: "counts" });
  const show = async (): Promise<void> => {
    body.setAttribute("aria-busy", "true");
    body.replaceChildren(await content(context, () => void show()));
    body.removeAttribute("aria-busy");
  };
  void show();
  return plainCard(
    "Events received",
    "Exact counts without noise, so they are for the operator alone.",
    body,
  );
}

async function content(context: Context, retry: () => void): Promise<HTMLElement> {
  const { api, range, signal } = context;
  if (!api.key) return keyForm(api, retry, undefined, "These counts need an operator's key");
  try {
    const days = await readAll<OperationsDay>(api, "/api/v1/operations", range, signal);
    return h("div", null, countsTable(days), forget(context, retry));
  } catch (error) {
    if (error instanceof ApiProblem && (error.status === 401 || error.status === 403))
      return keyForm(api, retry, error);
    return errorState(error, api, retry);
  }
}

function countsTable(days: readonly OperationsDay[]): HTMLElement {
  const reasons = [...new Set(days.flatMap(({ rejected }) => Object.keys(rejected)))].sort();
  const rejected = (day: OperationsDay): number =>
    Object.values(day.rejected).reduce((sum, each) => sum + each, 0);
  return table(
    "Events received",
    [
      { name: "Day", cell: ({ day }: OperationsDay) => dayText(day, "weekday") },
      { name: "Received", numeric: true, cell: ({ received }) => count(received) },
      { name: "Accepted", numeric: true, cell: ({ accepted }) => count(accepted) },
      { name: "Duplicate", numeric: true, cell: ({ duplicate }) => count(duplicate) },
      { name: "Late", numeric: true, cell: ({ late }) => count(late) },
      { name: "Rejected", numeric: true, cell: (day) => count(rejected(day)) },
      ...reasons.map((reason) => ({
        name: reason,
        numeric: true,
        cell: (day: OperationsDay) => count(day.rejected[reason] ?? 0),
      })),
      { name: "Segments", numeric: true, cell: ({ segments }) => count(segments) },
      { name: "Raw data", cell: ({ erased }) => (erased ? "erased" : "kept") },
    ],
    days,
  );
}

function forget({ api }: Context, retry: () => void): HTMLElement {
  const drop = (): void => {
    api.key = "";
    retry();
  };
  return h(
    "button",
    { class: "button button-small", type: "button", onclick: drop },
    "Forget the key",
  );
}
