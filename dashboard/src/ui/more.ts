// The button below a list that has further pages.
import { announce } from "./announce";
import { h } from "./dom";

/**
 * @param next cursor of the next page; null: there is none
 * @param append adds that page to the list and gives the cursor after it
 */
export function moreButton(
  next: string | null,
  append: (cursor: string) => Promise<string | null>,
): HTMLElement {
  const load = async (): Promise<void> => {
    if (next === null) return;
    button.disabled = true;
    try {
      next = await append(next);
      announce("More is shown");
    } catch (error) {
      announce(`Nothing more is shown: ${error instanceof Error ? error.message : String(error)}`);
    }
    button.disabled = false;
    button.hidden = next === null;
  };
  const button = h(
    "button",
    { class: "button", type: "button", hidden: next === null, onclick: () => void load() },
    "Show more",
  );
  return button;
}
