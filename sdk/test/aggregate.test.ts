import assert from "node:assert/strict";
import { beforeEach, mock, test } from "node:test";
import { Aggregate, MS_PER_DAY, MS_PER_VIDEO, VIDEOS_PER_DAY } from "../src/aggregate.js";
import { firstDays } from "../src/day.js";
import type { PlayerEvent } from "../src/event.js";
import { Memory } from "../src/memory.js";

const NAME = "analytics-pipeline.demo";
const SUNDAY = Date.parse("2026-11-29T22:00:00Z");
const HOUR = 3_600_000;
let stored: Map<string, string>;

function useStorage(storage: object | undefined): void {
  Object.defineProperty(globalThis, "localStorage", {
    configurable: true,
    get: () => {
      if (!storage) throw new Error("SecurityError");
      return storage;
    },
  });
}

beforeEach(() => {
  mock.timers.reset();
  mock.timers.enable({ apis: ["Date", "setTimeout"], now: SUNDAY });
  stored = new Map();
  useStorage({
    getItem: (name: string) => stored.get(name) ?? null,
    setItem: (name: string, value: string) => void stored.set(name, value),
  });
});

/** One page of this device. */
class Page {
  readonly sent: PlayerEvent[] = [];
  readonly aggregate: Aggregate;
  private seq = 0;

  constructor(allowed = true) {
    const flush = () => this.aggregate.flush();
    const memory = new Memory("demo", allowed);
    this.aggregate = new Aggregate(memory, (summary) => this.sent.push(summary), flush);
  }

  tell(type: PlayerEvent["type"], video_id: string, fields: Partial<PlayerEvent> = {}): void {
    const event = { type, video_id, session_id: "unused", at_ms: Date.now(), seq: this.seq++ };
    this.aggregate.record({ ...event, provider: "ipfs", ...fields });
  }

  watch(video_id: string, seconds: number): void {
    this.tell("play", video_id, { position_ms: 0 });
    mock.timers.tick(seconds * 1000);
    this.tell("pause", video_id, { position_ms: seconds * 1000 });
  }

  summaries(): PlayerEvent[] {
    this.aggregate.flush();
    return this.sent.splice(0);
  }
}

test("a device's first days of week and month", () => {
  const cases: [string, string | undefined, boolean | undefined, boolean | undefined][] = [
    ["2026-11-30", undefined, true, true], // a Monday
    ["2026-11-30", "2026-11-29", true, false],
    ["2026-12-01", "2026-11-30", false, true],
    ["2026-12-06", "2026-11-30", false, true],
    ["2026-12-06", "2026-11-29", true, true],
    ["2026-12-06", "2026-12-05", false, false],
    ["2027-01-03", "2026-12-28", false, true], // ISO week 53 of 2026
    ["2027-01-03", "2026-12-27", true, true],
    ["2026-12-06", "2026-12-06", undefined, undefined],
    ["2026-12-06", "2026-12-07", undefined, undefined], // the clock had been ahead
  ];
  for (const [day, last, week, month] of cases) {
    const said = firstDays(day, last);
    assert.deepEqual([said.first_of_week, said.first_of_month], [week, month], `${last} ${day}`);
  }
});

test("a summary grows over the pages of a day and carries no time", () => {
  const one = new Page();
  one.watch("v", 30);
  const [first] = one.summaries();
  assert.deepEqual(one.summaries(), []);
  const other = new Page();
  other.watch("w", 5);
  other.watch("v", 12);
  const [v, w] = other.summaries();
  assert.equal(first?.watched_ms, 30_000);
  assert.equal(v?.watched_ms, 42_000);
  assert.equal(v?.position_ms, 30_000);
  assert.equal(w?.watched_ms, 5_000);
  assert.equal(new Set([first, v, w].map((each) => each?.session_id)).size, 1);
  assert.match(first?.session_id ?? "", /^[A-Za-z0-9_-]{22}$/);
  const midnight = Date.parse("2026-11-29");
  assert.deepEqual([first, v, w].map((each) => each!.at_ms - midnight), [0, 0, 1]);
  assert.notEqual(first?.seq, v?.seq);
  assert.deepEqual([v?.first_of_week, v?.first_of_month], [true, true]);
  assert.deepEqual([w?.first_of_week, w?.first_of_month], [undefined, undefined]);
});

test("midnight brings another number and new counts, and the old ones go", () => {
  const page = new Page();
  page.watch("v", 30);
  page.tell("play", "v", { position_ms: 0 });
  const before = stored.get(NAME);
  mock.timers.tick(2 * HOUR + 2_000); // nothing happens in the page
  const [old] = page.sent.splice(0);
  assert.deepEqual(JSON.parse(stored.get(NAME)!), { last: "2026-11-29" });
  assert.ok(!stored.get(NAME)!.includes(old!.session_id) && before!.includes(old!.session_id));
  page.tell("heartbeat", "v"); // still playing, but nothing is carried over midnight
  assert.deepEqual(page.summaries(), []);
  page.watch("v", 7);
  const [fresh] = page.summaries();
  assert.equal(fresh?.watched_ms, 7_000);
  assert.notEqual(fresh?.session_id, old?.session_id);
  assert.equal(fresh?.at_ms, Date.parse("2026-11-30"));
  assert.deepEqual([fresh?.first_of_week, fresh?.first_of_month], [true, false]);
});

test("another page of the next day does not see the old number", () => {
  new Page().watch("v", 3);
  const [, yesterday] = /"group":"([^"]+)"/.exec(stored.get(NAME)!)!;
  mock.timers.setTime(SUNDAY + 48 * HOUR);
  const page = new Page();
  assert.ok(!stored.get(NAME)!.includes(yesterday!));
  page.watch("v", 4);
  const [summary] = page.summaries();
  assert.equal(summary?.watched_ms, 4_000);
  assert.notEqual(summary?.session_id, yesterday);
});

test("what was counted just before midnight is said after it", () => {
  mock.timers.setTime(Date.parse("2026-11-29T23:59:50Z"));
  const page = new Page();
  page.watch("v", 9);
  mock.timers.tick(3_000);
  page.tell("load", "w");
  const [late] = page.sent;
  assert.equal(late?.watched_ms, 9_000);
  assert.equal(late?.at_ms, Date.parse("2026-11-29"));
});

test("summaries go out once a minute, not with every event", () => {
  const page = new Page();
  page.tell("play", "v", { position_ms: 0 });
  for (let second = 10; second <= 180; second += 10) {
    mock.timers.tick(10_000);
    page.tell("heartbeat", "v", { position_ms: second * 1000 });
  }
  assert.equal(page.sent.length, 3);
  assert.ok(page.sent.every((each, n) => each.watched_ms! <= (n + 1) * 60_000 + 10_000));
});

test("the device bounds its own day", () => {
  const page = new Page();
  mock.timers.setTime(Date.parse("2026-11-29T02:00:00Z"));
  const names = ["__proto__", "7", ...Array.from({ length: 10 }, (_, n) => `v${n}`)];
  for (const name of names) page.watch(name, 1_000);
  for (const name of names) page.watch(name, 1);
  const last = new Map(page.summaries().map((each) => [each.video_id, each]));
  for (const name of names) page.watch(name, 1);
  for (const each of page.summaries()) last.set(each.video_id, each);
  const all = [...last.values()].sort((a, b) => a.at_ms - b.at_ms);
  assert.deepEqual([...last.keys()].sort(), names.slice(0, VIDEOS_PER_DAY).sort());
  assert.deepEqual(all.map((each) => each.video_id), names.slice(0, VIDEOS_PER_DAY));
  assert.ok(all.every((each) => each.watched_ms! <= MS_PER_VIDEO));
  assert.equal(all[0]?.watched_ms, MS_PER_VIDEO);
  assert.equal(all.reduce((sum, each) => sum + each.watched_ms!, 0), MS_PER_DAY);
  assert.equal(all[9]?.watched_ms, 0); // played, and no room left
});

test("nothing is stored where nothing may be, and then no day is a first", () => {
  const page = new Page(false);
  page.watch("v", 3);
  page.watch("v", 4);
  const [summary] = page.summaries();
  assert.equal(stored.size, 0);
  assert.equal(summary?.watched_ms, 7_000);
  assert.ok(!("first_of_week" in summary!) && !("first_of_month" in summary!));
  const next = new Page(false);
  next.watch("v", 1);
  assert.notEqual(next.summaries()[0]?.session_id, summary?.session_id);
});

test("a page that only looks stores nothing", () => {
  new Page().tell("load", "v");
  assert.equal(stored.size, 0);
});

test("storage that is forbidden, full or spoilt never reaches the page", () => {
  const refuse = () => {
    throw new Error("QuotaExceededError");
  };
  for (const storage of [undefined, { getItem: () => null, setItem: refuse }]) {
    useStorage(storage);
    const page = new Page();
    page.watch("v", 3);
    page.watch("v", 4);
    const [summary] = page.summaries();
    assert.equal(summary?.watched_ms, 7_000);
    assert.ok(!("first_of_week" in summary!));
  }
  for (const text of ["", "null", "5", "[", '{"last":5}', '{"today":{"day":"2026-11-29"}}']) {
    useStorage({ getItem: () => text, setItem: () => {} });
    const page = new Page();
    page.tell("play", "v");
    assert.equal(page.summaries().length, 1, text);
  }
});
