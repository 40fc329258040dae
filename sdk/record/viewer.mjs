// One viewer: a real page in a real browser, doing what the script says, in real time.
import { setTimeout as sleep } from "node:timers/promises";

const STEP_TIMEOUT_MS = 150_000;
const BEACON_TIMEOUT_MS = 20_000;

/**
 * Plays one script. Resolves when the page is gone and what it sent has arrived; throws if the player
 * did not do as expected.
 *
 * @param count asks how many of a session's events have arrived.
 */
export async function view(context, origin, id, media, steps, server, count) {
  const page = await context.newPage();
  page.setDefaultTimeout(STEP_TIMEOUT_MS);
  await page.goto(`${origin}/watch/${id}`, { waitUntil: "domcontentloaded" });
  const until = (test, value) =>
    page.waitForFunction(test, value, { polling: 50, timeout: STEP_TIMEOUT_MS });
  // Nobody leaves within the milliseconds in which the page cannot send yet; a busy machine's script
  // does.
  const ready = () => page.evaluate(() => tracker.ready);
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
    leave: () => ready().then(() => page.goto("about:blank")),
    close: () => ready().then(() => page.close({ runBeforeUnload: true })),
  };
  for (const step of steps) {
    const [action, value] = step.split(" ");
    await actions[action](value);
  }
  await settled(() => count(id));
  await context.close();
}

/** Resolves when something has arrived and a second brings no more: a beacon is on its way for as
 * long as the machine is busy, and closing the context would cut it off. */
async function settled(count) {
  const deadline = Date.now() + BEACON_TIMEOUT_MS;
  for (let before = 0, now = -1; before !== now && Date.now() < deadline; ) {
    await sleep(1000);
    before = now || -1;
    now = await count();
  }
}
