// One viewer: a real page in a real browser, doing what the script says, in real time.
import { setTimeout as sleep } from "node:timers/promises";

const STEP_TIMEOUT_MS = 150_000;

/** Plays one script. Resolves when the page is gone; throws if the player did not do as expected. */
export async function view(context, origin, id, media, steps, server) {
  const page = await context.newPage();
  page.setDefaultTimeout(STEP_TIMEOUT_MS);
  await page.goto(`${origin}/watch/${id}`, { waitUntil: "domcontentloaded" });
  const until = (test, value) =>
    page.waitForFunction(test, value, { polling: 50, timeout: STEP_TIMEOUT_MS });
  const seconds = (share) => (Number(share) * media.durationMs) / 1000;
  const actions = {
    // Not awaited: play() settles only when playback starts, and some viewers leave before.
    play: () => page.evaluate(() => void video.play().catch(() => {})),
    pause: () => page.evaluate(() => video.pause()),
    until: (share) => until((at) => video.currentTime >= at && !video.seeking, seconds(share)),
    seek: (share) =>
      page.evaluate(
        (at) =>
          new Promise((resolve) => {
            video.addEventListener("seeked", () => resolve(), { once: true });
            video.currentTime = at;
          }),
        seconds(share),
      ),
    wait: (time) => sleep(Number(time) * 1000),
    stall: async (time) => {
      await until(() => video.readyState < 3 && !video.paused && video.currentTime > 0.2);
      await sleep(Number(time) * 1000);
      server.release(id);
      if (server.flowing(id)) await until(() => video.readyState >= 3);
    },
    ended: () => until(() => video.ended),
    failed: () => until(() => video.error !== null),
    leave: () => page.goto("about:blank"),
    close: () => page.close({ runBeforeUnload: true }),
  };
  for (const step of steps) {
    const [action, value] = step.split(" ");
    await actions[action](value);
  }
  await sleep(1000); // the beacon is on its way
  await context.close();
}
