import type { UnitOfWork, Write } from "@troupe/contracts";
import { TroupeError } from "@troupe/contracts";
import { createLogRecorder, createManualClock } from "@troupe/testing";
import { expect, it } from "vitest";
import { createSettler } from "./settler.ts";

const committed = { read: () => undefined as never };

/** A store that refuses whatever holds one of these writes, and counts. */
function setUp(refusals: ReadonlyMap<Write, TroupeError>, commitMs = 0) {
  const clock = createManualClock();
  const groups: number[] = [];
  const unit: Pick<UnitOfWork, "commit"> = {
    async commit(writes) {
      groups.push(writes.length);
      if (commitMs > 0) await new Promise<void>((resolve) => clock.schedule(commitMs, resolve));
      for (const write of writes) {
        const refusal = refusals.get(write as Write);
        if (refusal !== undefined) throw refusal;
      }
      return committed;
    },
  };
  const settler = createSettler({ unit: unit as UnitOfWork, clock, logger: createLogRecorder() });
  return { clock, settler, groups };
}

const write = (): Write => ({});

it.each(["store.conflict", "store.failed"] as const)(
  "one row that is refused with %s takes none of its group with it",
  async (code) => {
    const rows = [write(), write(), write()];
    const bad = rows[1] as Write;
    const { clock, settler, groups } = setUp(new Map([[bad, new TroupeError("Refused.", { code })]]));

    const settling = Promise.all(rows.map((row) => settler.settle(row)));
    await clock.advance(60_000);

    expect(await settling).toEqual(["kept", code === "store.conflict" ? "lost" : "failed", "kept"]);
    expect(groups[0]).toBe(3);
  },
);

it("the rows of a refused group are settled side by side, not one after the other", async () => {
  const rows = Array.from({ length: 20 }, write);
  const old = new TroupeError("Old.", { code: "store.conflict" });
  const { clock, settler } = setUp(new Map([[rows[0] as Write, old]]), 1_000);
  let settled = 0;
  for (const row of rows) void settler.settle(row).then(() => settled++);

  await clock.advance(2_000);

  expect(settled).toBe(20);
});

it("a lone row that is refused is tried no further", async () => {
  const row = write();
  const { settler, groups } = setUp(new Map([[row, new TroupeError("Old.", { code: "store.conflict" })]]));

  expect(await settler.settle(row)).toBe("lost");
  expect(groups).toEqual([1]);
});
