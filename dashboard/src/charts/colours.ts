// Colours for canvases: what the style sheet's tokens are in the theme of this moment.
import { h } from "../ui/dom";

const probe = h("span", { class: "visually-hidden", "aria-hidden": "true" });

/** A token of `styles/tokens.css`, resolved for the present theme. */
export function colour(token: string): string {
  if (!probe.isConnected) document.body.append(probe);
  probe.style.color = `var(${token})`;
  return getComputedStyle(probe).color;
}
