// The last line of every test run, for people and programs alike: `N passed, N failed, N skipped`, over all lanes.
import type { Reporter, TestModule } from "vitest/node";

export interface Tally {
  passed: number;
  failed: number;
  skipped: number;
}

/** A file that does not load, and an error that no test caught, count as one failure each: neither has a test to fail. */
export function tally(modules: readonly TestModule[], strayErrors: number): Tally {
  const sum: Tally = { passed: 0, failed: strayErrors, skipped: 0 };
  for (const module of modules) {
    if (module.errors().length > 0) sum.failed += 1;
    for (const suite of module.children.allSuites()) {
      if (suite.errors().length > 0) sum.failed += 1;
    }
    for (const test of module.children.allTests()) {
      const { state } = test.result();
      // A test still pending at the end was never run, because the run was cut short.
      if (state === "passed" || state === "failed") sum[state] += 1;
      else sum.skipped += 1;
    }
  }
  return sum;
}

/** Names of tests that failed at first and passed when they were run again: each is a defect, of the test or of what it tests. */
export function unsteady(modules: readonly TestModule[]): readonly string[] {
  return modules.flatMap((module) =>
    [...module.children.allTests()]
      .filter((test) => test.diagnostic()?.flaky === true)
      .map((test) => `${module.relativeModuleId} > ${test.fullName}`),
  );
}

export default class ClosingLine implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly unknown[]): void {
    const { passed, failed, skipped } = tally(modules, unhandledErrors.length);
    for (const name of unsteady(modules)) process.stdout.write(`Passed only when run again: ${name}\n`);
    process.stdout.write(`${passed} passed, ${failed} failed, ${skipped} skipped\n`);
  }
}
