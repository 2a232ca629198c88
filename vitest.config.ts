import { defineConfig } from "vitest/config";

const lanes = ["console", "contracts", "testing", "server", "tests", "bench"].map(
  (folder) => `${folder}/**/*.test.ts`,
);
const long = "tests/long/**/*.test.ts";
const runsLong = process.env.TROUPE_LANE === "long";

export default defineConfig({
  test: {
    include: runsLong ? [long] : lanes,
    exclude: runsLong ? ["**/node_modules/**"] : ["**/node_modules/**", long],
    // A process a file: tests send signals and start threads. Threads as a pool were no faster here.
    pool: "forks",
    // By default one core is left idle; these tests wait for other processes more than they compute.
    maxWorkers: "100%",
    // Real processes, workers and databases are started in tests; on two busy cores five seconds are too few.
    testTimeout: runsLong ? 600_000 : 20_000,
    hookTimeout: 90_000,
    // What happens in other processes and threads happens when they get a processor; a second is too few on a busy machine.
    expect: { poll: { timeout: 15_000 } },
    // One of four thousand tests of real processes on a busy machine must not hide what all others say. In CI it is run
    // once more; tests/closing-line.ts names it. Seeds of the simulator fail again, and so does what is broken.
    retry: process.env.CI === "true" && !runsLong ? 1 : 0,
    reporters: ["default", "./tests/closing-line.ts"],
  },
});
