import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { type Clone, isRunning, lines, makeClone, npmInstalls, until } from "./clone.ts";

// Many processes, on machines that may be busy.
vi.setConfig({ testTimeout: 60_000 });

let clone: Clone;
beforeEach(() => {
  clone = makeClone();
});
afterEach(() => {
  clone[Symbol.dispose]();
});

const noted = () => lines(join(clone.root, "noted"));
const left = () => readdirSync(clone.root).filter((name) => name.startsWith(".troupe-setup"));

/** Long enough for any test; bounded, so that a test that fails leaves nothing behind for long. */
const WAITS = "for i in 0 1 2 3 4 5 6 7 8 9; do for j in 0 1 2 3 4 5 6 7 8 9; do sleep 0.1; done; done";

/** An npm that says its process id, and which signal it got before it ended. */
const OBEYS = `
trap 'echo TERM >>noted; exit 1' TERM
trap 'echo HUP >>noted; exit 1' HUP
echo $$ >noted
${WAITS}
`;

test.each([
  ["SIGTERM", "SIGTERM", "TERM"],
  ["SIGHUP", "SIGHUP", "HUP"],
  // The shell starts its background programs with interrupts ignored, so an interrupt travels as TERM.
  ["SIGINT", "SIGINT", "TERM"],
] as const)(
  "%s during an installation reaches npm and ends all three, leaving no lock",
  async (sent, ends, reaches) => {
    clone.npmDoes(OBEYS);
    const up = clone.start(["sh", "./troupe", "up"]);
    await until(() => noted().length === 1, "npm's start");

    up.child.kill(sent);
    const { signal, err, out } = await up.ended;

    expect(signal).toBe(ends);
    expect(noted()[1]).toBe(reaches);
    expect(out).toBe("");
    expect(err).toMatch(/… stopped \(\d+ s\)\nNothing is broken: the next start installs again\.\n$/);
    expect(isRunning(noted()[0])).toBe(false);
    expect(left()).toEqual([]);
  },
);

test("an npm that does not stop is killed after two seconds, with what it started", async () => {
  clone.npmDoes(`trap '' TERM\nsh -c 'echo $$ >noted; ${WAITS}'`);
  const up = clone.start(["sh", "./troupe", "up"]);
  await until(() => noted().length === 1, "npm's child");

  up.child.kill("SIGTERM");

  expect((await up.ended).signal).toBe("SIGTERM");
  expect(isRunning(noted()[0])).toBe(false);
});

test("after a stop the next start installs", async () => {
  clone.npmDoes(OBEYS);
  const up = clone.start(["sh", "./troupe", "up"]);
  await until(() => noted().length === 1, "npm's start");
  up.child.kill("SIGTERM");
  await up.ended;
  expect(isRunning(noted()[0])).toBe(false);
  clone.npmDoes(npmInstalls);

  expect((await clone.run(["sh", "./troupe", "up"])).err).toMatch(/^Installing packages … done/);
  expect(existsSync(join(clone.root, "node_modules/.troupe-ready"))).toBe(true);
});
