import { expect, test } from "vitest";
import { DEFAULT_LANES } from "../kit/index.ts";
import { checkShare, type LaneChoice, laneLimits } from "./lanes.ts";
import type { Role } from "./roles.ts";

const alone = { store: { url: "sqlite:data/troupe.db" }, bus: { url: "local:" } };
const shared = { store: { url: "postgres://troupe@db/troupe" }, bus: { url: "nats://bus:4222" } };

test("a process works in the lanes that it was given, with the places that it was given", () => {
  const configured = { ...DEFAULT_LANES, heavy: { ...DEFAULT_LANES.heavy, parallel: 7 } };
  const places = (choice: LaneChoice) => {
    const { realtime, background, heavy } = laneLimits(configured, choice);
    return [realtime.parallel, background.parallel, heavy.parallel];
  };

  expect(places({})).toEqual([4, 4, 7]);
  expect(places({ lanes: ["heavy"] })).toEqual([0, 0, 7]);
  expect(places({ concurrency: 2 })).toEqual([2, 2, 2]);
  expect(places({ lanes: ["realtime", "heavy"], concurrency: 9 })).toEqual([9, 0, 9]);
  expect(laneLimits(configured, { concurrency: 2 }).heavy).toEqual({ ...configured.heavy, parallel: 2 });
});

test.each<readonly [string, LaneChoice, Role, typeof alone, RegExp]>([
  [
    "lanes that nobody else would work in",
    { lanes: ["realtime"] },
    "all",
    alone,
    /^--lanes leaves background and heavy to other processes, and this home cannot be shared/,
  ],
  ["lanes for a role without any", { lanes: ["heavy"] }, "gateway", shared, /the role gateway runs none\./],
  ["places for a role without any", { concurrency: 3 }, "agent", shared, /^--concurrency says how a worker/],
  ["a role that cannot stand alone", {}, "worker", alone, /^The role worker leaves part of the work/],
])("refuses %s in one clear sentence", (_what, choice, role, config, message) => {
  expect(() => checkShare(role, choice, config)).toThrow(message);
});

test("allows every choice that leaves no work to nobody", () => {
  expect(() => checkShare("worker", { lanes: ["heavy"], concurrency: 3 }, shared)).not.toThrow();
  expect(() => checkShare("all", { concurrency: 3 }, alone)).not.toThrow();
  expect(() => checkShare("all", { lanes: ["realtime", "background", "heavy"] }, alone)).not.toThrow();
  expect(() => checkShare("gateway", undefined, shared)).not.toThrow();
});
