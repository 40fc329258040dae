// Starts the dashboard: asks the platform who it is, then shows the page of the address.
import "uplot/dist/uPlot.min.css";
import "./styles/index.css";
import { ApiClient } from "./api/client";
import type { Platform } from "./api/types";
import { creatorPage } from "./pages/creator";
import { dayPage } from "./pages/day";
import { creatorsPage, videosPage } from "./pages/lists";
import { operationsPage } from "./pages/operations";
import { overviewPage } from "./pages/overview";
import { privacyPage } from "./pages/privacy";
import { providerPage } from "./pages/provider";
import { regionPage } from "./pages/region";
import { regionsPage } from "./pages/regions";
import { storagePage } from "./pages/storage";
import { verifyPage } from "./pages/verify";
import { videoPage } from "./pages/video";
import { Router, type Route } from "./router";
import { mountShell } from "./shell";
import { mountAnnouncer } from "./ui/announce";
import { h } from "./ui/dom";
import { errorState, skeleton } from "./ui/states";

const ROUTES: Route[] = [
  { pattern: /^\/$/, page: overviewPage },
  { pattern: /^\/videos$/, page: videosPage },
  { pattern: /^\/videos\/([^/]+)$/, page: videoPage },
  { pattern: /^\/creators$/, page: creatorsPage },
  { pattern: /^\/creators\/([^/]+)$/, page: creatorPage },
  { pattern: /^\/regions$/, page: regionsPage },
  { pattern: /^\/regions\/([^/]+)$/, page: regionPage },
  { pattern: /^\/storage$/, page: storagePage },
  { pattern: /^\/storage\/([^/]+)$/, page: providerPage },
  { pattern: /^\/privacy$/, page: privacyPage },
  { pattern: /^\/operations$/, page: operationsPage },
  { pattern: /^\/days\/([^/]+)$/, page: dayPage },
  { pattern: /^\/verify$/, page: verifyPage },
];

const api = new ApiClient();
const shell = mountShell(document.body);
mountAnnouncer(document.body);

async function start(): Promise<void> {
  shell.mark(location.pathname);
  shell.main.replaceChildren(skeleton());
  shell.main.setAttribute("aria-busy", "true");
  let platform: Platform;
  try {
    platform = await api.get<Platform>("/api/v1/platform");
  } catch (error) {
    shell.main.removeAttribute("aria-busy");
    shell.main.replaceChildren(
      h("h1", null, "Figures cannot be shown"),
      errorState(error, api, () => void start()),
    );
    return;
  }
  shell.introduce(platform);
  const router = new Router(ROUTES, shell.main, api, platform, (path) => shell.mark(path));
  await router.show();
}

void start();
