// Tables that become stacked cards where there is no room; roles keep them tables for readers.
import { h, type Child } from "./dom";

export interface Column<Row> {
  name: string;
  cell: (row: Row) => Child;
  numeric?: boolean;
}

export function table<Row>(
  caption: string,
  columns: readonly Column<Row>[],
  rows: readonly Row[],
): HTMLElement {
  return h(
    "table",
    { class: "table", role: "table" },
    h("caption", { class: "visually-hidden" }, caption),
    h(
      "thead",
      { role: "rowgroup" },
      h(
        "tr",
        { role: "row" },
        columns.map(({ name, numeric }) =>
          h("th", { scope: "col", role: "columnheader", class: numeric && "numeric" }, name),
        ),
      ),
    ),
    h(
      "tbody",
      { role: "rowgroup" },
      rows.map((row) => tableRow(columns, row)),
    ),
  );
}

export function tableRow<Row>(columns: readonly Column<Row>[], row: Row): HTMLElement {
  return h(
    "tr",
    { role: "row" },
    columns.map(({ name, cell, numeric }, position) =>
      position === 0
        ? h("th", { scope: "row", role: "rowheader" }, cell(row))
        : h("td", { role: "cell", class: numeric && "numeric", "data-label": name }, cell(row)),
    ),
  );
}
