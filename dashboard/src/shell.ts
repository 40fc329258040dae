// The frame around every page: name, navigation, banner, theme, footer.
import type { Platform } from "./api/types";
import { append, h } from "./ui/dom";
import { moment } from "./ui/format";
import { icon, type IconName } from "./ui/icons";
import { chooseTheme, chosenTheme, type Theme } from "./ui/theme";

const PLACES: readonly (readonly [path: string, name: string, icon: IconName])[] = [
  ["/", "Overview", "overview"],
  ["/videos", "Videos", "videos"],
  ["/creators", "Creators", "creators"],
  ["/regions", "Regions", "regions"],
  ["/storage", "Storage", "storage"],
  ["/privacy", "Privacy", "privacy"],
  ["/operations", "Operations", "operations"],
  ["/verify", "Verify", "verify"],
];

export interface Shell {
  main: HTMLElement;
  /** Marks where in the navigation a path is, and keeps the chosen days in its links. */
  mark(path: string): void;
  /** What only the platform's description says: its name and whether its proofs convince. */
  introduce(platform: Platform): void;
}

export function mountShell(body: HTMLElement): Shell {
  const main = h("main", { id: "main", tabindex: "-1" });
  const links = PLACES.map(([path, name, symbol]) =>
    h("a", { href: path, "data-path": path }, icon(symbol), h("span", null, name)),
  );
  const name = h("span", { class: "brand-name" }, "Viewership");
  const notes = h("aside", { "aria-label": "About this deployment" });
  const nav = h(
    "nav",
    { "aria-label": "Pages" },
    h(
      "ul",
      null,
      links.map((each) => h("li", null, each)),
    ),
  );
  body.append(
    h("a", { class: "skip", href: "#main" }, "Skip to the figures"),
    notes,
    h(
      "div",
      { class: "frame" },
      h(
        "header",
        { class: "side" },
        h("a", { class: "brand", href: "/" }, brandMark(), name),
        nav,
        themeSwitch(),
      ),
      h("div", { class: "content" }, main, footer()),
    ),
  );
  return {
    main,
    mark(path) {
      const section = `/${path.split("/")[1] ?? ""}`;
      const here = section === "/days" ? "/operations" : section;
      for (const each of links) {
        const own = each.dataset.path ?? "/";
        each.href = own + rangeOf(location.search);
        if (own === here) each.setAttribute("aria-current", path === own ? "page" : "true");
        else each.removeAttribute("aria-current");
        if (own === here) each.scrollIntoView({ block: "nearest", inline: "center" });
      }
    },
    introduce(platform) {
      name.textContent = platform.platform;
      notes.replaceChildren();
      append(notes, [platform.development && developmentNote(), staleNote(platform)]);
    },
  };
}

function developmentNote(): HTMLElement {
  return h(
    "p",
    { class: "banner" },
    h("strong", null, "Development set-up: "),
    "proofs convince nobody. The figures show how everything works, not what is true. ",
    h("a", { href: "/verify" }, "What is checked"),
  );
}

function staleNote({ stale }: Platform): HTMLElement | null {
  if (!stale) return null;
  const since = moment(Date.parse(stale.since) / 1000);
  return h(
    "p",
    { class: "banner banner-stale" },
    h("strong", null, "Not of now: "),
    `chain or IPFS do not answer the server. Everything is as of ${since}.`,
  );
}

function rangeOf(search: string): string {
  const query = new URLSearchParams(search);
  const kept = ["from", "to"].filter((name) => query.has(name));
  return kept.length ? `?${kept.map((name) => `${name}=${query.get(name)}`).join("&")}` : "";
}

function brandMark(): HTMLElement {
  return h("span", { class: "brand-mark", "aria-hidden": "true" }, icon("overview"));
}

function themeSwitch(): HTMLElement {
  const options: readonly (readonly [Theme, string, IconName])[] = [
    ["system", "As the system", "system"],
    ["light", "Light", "sun"],
    ["dark", "Dark", "moon"],
  ];
  return h(
    "fieldset",
    { class: "segments theme" },
    h("legend", { class: "visually-hidden" }, "Theme"),
    options.map(([theme, label, symbol]) =>
      h(
        "label",
        { title: label },
        h("input", {
          type: "radio",
          name: "theme",
          value: theme,
          checked: chosenTheme() === theme,
          onchange: () => chooseTheme(theme),
        }),
        icon(symbol),
        h("span", { class: "visually-hidden" }, label),
      ),
    ),
  );
}

function footer(): HTMLElement {
  return h(
    "footer",
    { class: "foot" },
    h(
      "p",
      null,
      "± is the error that a figure keeps within in 95 of 100 cases. Days are UTC days; a viewer counts once a day.",
    ),
    h(
      "p",
      null,
      h("a", { href: "/openapi.json", target: "_blank" }, "API"),
      " · Regions: ",
      h("a", { href: "https://db-ip.com", rel: "noreferrer" }, "IP Geolocation by DB-IP"),
      " (CC BY 4.0)",
    ),
  );
}
