// One polite live region for the whole page: loading, results, copied, failed.
import { h } from "./dom";

const region = h("div", { class: "visually-hidden", role: "status", "aria-live": "polite" });

export function mountAnnouncer(body: HTMLElement): void {
  body.append(region);
}

export function announce(text: string): void {
  region.textContent = text;
}
