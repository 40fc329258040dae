// Addresses to pages, with the History API. Links on the page are followed without loading anew;
// an older page's answer that comes late is dropped.
import type { ApiClient } from "./api/client";
import type { Platform } from "./api/types";
import type { Context, PageFunction } from "./app";
import { announce } from "./ui/announce";
import { append, h } from "./ui/dom";
import { emptyState, errorState, skeleton } from "./ui/states";

export interface Route {
  pattern: RegExp;
  page: PageFunction;
}

export class Router {
  private visitor = new AbortController();
  private shownPath = "";

  constructor(
    private readonly routes: Route[],
    private readonly main: HTMLElement,
    private readonly api: ApiClient,
    private readonly platform: Platform,
    private readonly onShow: (path: string) => void,
  ) {
    addEventListener("popstate", () => void this.show());
    addEventListener("click", (event) => this.follow(event));
  }

  go(url: string): void {
    history.pushState(null, "", url);
    void this.show();
  }

  async show(): Promise<void> {
    this.visitor.abort();
    const visitor = (this.visitor = new AbortController());
    const { pathname } = location;
    const again = pathname === this.shownPath;
    const focused = again ? document.activeElement?.id : undefined;
    this.main.setAttribute("aria-busy", "true");
    if (!again) this.main.replaceChildren(skeleton());
    this.onShow(pathname);
    announce("Loading");
    let title = "Not found";
    let body: Parameters<typeof append>[1];
    try {
      const found = await this.find(pathname, visitor.signal);
      if (visitor.signal.aborted) return;
      title = found.title;
      body = [found.body];
    } catch (error) {
      if (visitor.signal.aborted) return;
      title = "This page cannot be shown";
      body = [h("h1", null, title), errorState(error, this.api, () => void this.show())];
    }
    this.shownPath = pathname;
    this.main.removeAttribute("aria-busy");
    this.main.replaceChildren();
    append(this.main, body);
    document.title = `${title} · ${this.platform.platform}`;
    announce(title);
    if (!again) this.focusHeading();
    else if (focused) document.getElementById(focused)?.focus();
  }

  private async find(path: string, signal: AbortSignal): ReturnType<PageFunction> {
    for (const { pattern, page } of this.routes) {
      const match = pattern.exec(path);
      if (!match) continue;
      return page(this.context(match.slice(1).map(decodeURIComponent), signal));
    }
    return {
      title: "Not found",
      body: [
        h("h1", null, "Not found"),
        emptyState("There is no such page", "Choose one from the navigation."),
      ],
    };
  }

  private context(parameters: string[], signal: AbortSignal): Context {
    const query = new URLSearchParams(location.search);
    const range = { from: query.get("from") ?? undefined, to: query.get("to") ?? undefined };
    const change = (changes: Record<string, string | null>): string => {
      for (const [name, value] of Object.entries(changes)) {
        if (value === null) query.delete(name);
        else query.set(name, value);
      }
      const text = query.toString();
      return text ? `?${text}` : "";
    };
    return {
      api: this.api,
      platform: this.platform,
      parameters,
      query,
      range,
      signal,
      select: (changes) => {
        const search = change(changes);
        // a page that is being replaced stays usable, but the address is the next one's already
        if (!signal.aborted) history.replaceState(null, "", location.pathname + search);
      },
      visit: (path, changes = {}) => this.go(path + change(changes)),
    };
  }

  /** A new page begins at its top, for eyes and for screen readers. */
  private focusHeading(): void {
    scrollTo(0, 0);
    const heading = this.main.querySelector<HTMLElement>("h1");
    heading?.setAttribute("tabindex", "-1");
    if (this.firstShown) this.firstShown = false;
    else heading?.focus({ preventScroll: true });
  }

  private firstShown = true;

  private follow(event: MouseEvent): void {
    const anchor = event.target instanceof Element ? event.target.closest("a") : null;
    const plain = event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey;
    if (!anchor || !plain || event.defaultPrevented || anchor.target || anchor.download) return;
    if (anchor.origin !== location.origin || anchor.pathname.startsWith("/api/")) return;
    if (anchor.getAttribute("href")?.startsWith("#")) return;
    event.preventDefault();
    this.go(anchor.href);
  }
}
