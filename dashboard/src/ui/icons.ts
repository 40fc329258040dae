// The icons of the navigation and of buttons: single strokes on a grid of 20.
import { svg } from "./dom";

const PATHS = {
  overview: "M3 13 L7.5 8 L11 11 L17 4 M3 17 H17",
  videos: "M3 5 H17 V15 H3 Z M8.5 7.5 L12.5 10 L8.5 12.5 Z",
  creators: "M10 9.5 A3 3 0 1 0 10 3.5 A3 3 0 1 0 10 9.5 M4 17 C4 13.5 7 12 10 12 S16 13.5 16 17",
  regions:
    "M10 3 A7 7 0 1 0 10 17 A7 7 0 1 0 10 3 M3 10 H17 M10 3 C6 7 6 13 10 17 C14 13 14 7 10 3",
  storage: "M4 4 H16 V9 H4 Z M4 11 H16 V16 H4 Z M7 6.5 H7.1 M7 13.5 H7.1",
  privacy: "M10 3 L16 5 V10 C16 13.5 13.5 16 10 17.5 C6.5 16 4 13.5 4 10 V5 Z",
  operations: "M4 6 H16 M4 10 H16 M4 14 H11",
  verify: "M4 10.5 L8 14.5 L16 6",
  sun: "M10 6.5 A3.5 3.5 0 1 0 10 13.5 A3.5 3.5 0 1 0 10 6.5 M10 2 V3.5 M10 16.5 V18 M2 10 H3.5 M16.5 10 H18 M4.3 4.3 L5.4 5.4 M14.6 14.6 L15.7 15.7 M4.3 15.7 L5.4 14.6 M14.6 5.4 L15.7 4.3",
  moon: "M16 11.5 A6.5 6.5 0 1 1 8.5 4 A5 5 0 0 0 16 11.5 Z",
  system: "M3 4 H17 V13 H3 Z M7 16.5 H13",
  download: "M10 3 V12 M6 8.5 L10 12.5 L14 8.5 M4 16.5 H16",
} as const;

export type IconName = keyof typeof PATHS;

export function icon(name: IconName): SVGElement {
  return svg(
    "svg",
    { class: "icon", viewBox: "0 0 20 20", "aria-hidden": "true", focusable: "false" },
    svg("path", { d: PATHS[name] }),
  );
}
