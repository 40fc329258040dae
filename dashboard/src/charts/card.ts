// The frame of every chart: title, what it says, chart or table, CSV.
import type { ApiClient, Query } from "../api/client";
import { announce } from "../ui/announce";
import { h, uniqueId, type Child } from "../ui/dom";
import { icon } from "../ui/icons";

/** From the API; or rows, for what no route has as CSV. */
export type Csv =
  | { path: string; query: Query; name: string; rows?: never }
  | { rows: () => (string | number)[][]; name: string };

export interface CardOptions {
  title: string;
  /** One sentence: what is drawn, and how to read it. */
  about?: Child;
  chart: Child;
  /** The same figures as a table, with a badge each; made when it is asked for. */
  table?: () => Child;
  /** Where the API gives these figures as CSV. */
  csv?: Csv | null;
  /** Below the chart: the chosen point, notes. */
  detail?: Child;
}

export function chartCard(api: ApiClient, options: CardOptions): HTMLElement {
  const heading = uniqueId("card");
  const chart = h("div", { class: "card-chart" }, options.chart);
  // what scrolls must be reachable by keyboard
  const table = h("div", { class: "card-table", tabindex: "0", role: "group", hidden: true });
  table.setAttribute("aria-label", `${options.title}, table`);
  const view = (name: string, label: string, checked: boolean): HTMLElement => {
    const show = (): void => {
      if (!table.hasChildNodes() && name === "table")
        table.append(h("div", null, options.table?.()));
      chart.hidden = name === "table";
      table.hidden = name !== "table";
    };
    return h(
      "label",
      null,
      h("input", { type: "radio", name: heading, value: name, checked, onchange: show }),
      h("span", null, label),
    );
  };
  return h(
    "section",
    { class: "card", "aria-labelledby": heading },
    h(
      "header",
      { class: "card-head" },
      h(
        "div",
        null,
        h("h2", { id: heading }, options.title),
        options.about && h("p", null, options.about),
      ),
      h(
        "div",
        { class: "card-tools" },
        options.table &&
          h(
            "fieldset",
            { class: "segments" },
            h("legend", { class: "visually-hidden" }, `Show ${options.title} as`),
            view("chart", "Chart", true),
            view("table", "Table", false),
          ),
        options.csv && csvLink(api, options.csv, options.title),
      ),
    ),
    chart,
    table,
    options.detail,
  );
}

/** A link to the CSV of the API. With an access key the file is fetched, as links carry no key. */
export function csvLink(api: ApiClient, csv: Csv, title: string): HTMLElement {
  const name = `${csv.name}.csv`;
  const attributes = {
    class: "button button-small",
    download: name,
    "aria-label": `${title} as CSV`,
  };
  const label = [icon("download"), "CSV"];
  if (csv.rows) {
    const text = csv
      .rows()
      .map((row) => `${row.join(",")}\r\n`)
      .join("");
    return h(
      "a",
      { ...attributes, href: `data:text/csv;charset=utf-8,${encodeURIComponent(text)}` },
      label,
    );
  }
  const query = { ...csv.query, format: "csv" };
  const download = async (event: Event): Promise<void> => {
    if (!api.key) return;
    event.preventDefault();
    try {
      const bytes = await api.bytes(csv.path, query);
      const address = URL.createObjectURL(new Blob([bytes as BlobPart], { type: "text/csv" }));
      h("a", { href: address, download: name }).click();
      URL.revokeObjectURL(address);
    } catch (error) {
      announce(`The download failed: ${error instanceof Error ? error.message : String(error)}`);
    }
  };
  const onclick = (event: Event): void => void download(event);
  return h("a", { ...attributes, href: api.url(csv.path, query), onclick }, label);
}
