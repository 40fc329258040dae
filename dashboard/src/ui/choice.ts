// A choice of one of the days shown, kept in the address.
import type { Context } from "../app";
import { h } from "./dom";
import { day as dayText } from "./format";

/** @param name of the parameter; @param days ascending */
export function dayChoice(
  context: Context,
  name: string,
  label: string,
  days: readonly string[],
  chosen: string,
): HTMLElement {
  const choose = (event: Event): void =>
    context.visit(location.pathname, { [name]: (event.target as HTMLSelectElement).value });
  return h(
    "div",
    { class: "field-inline" },
    h("label", { for: name }, label),
    h(
      "select",
      { id: name, onchange: choose },
      days
        .toReversed()
        .map((day) =>
          h("option", { value: day, selected: day === chosen }, dayText(day, "weekday")),
        ),
    ),
  );
}
