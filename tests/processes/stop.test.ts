/** A gateway that is asked to stop while its clients wait for turns that run in another process. */
import { findPostgres, NO_NATS, NO_POSTGRES, startNatsServer } from "@troupe/testing";
import { afterAll, describe, expect, it, vi } from "vitest";
import { openProcessStage, type ProcessStage } from "./stage.ts";

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });
const WAIT = { timeout: 60_000, interval: 25 };
/** Longer than connections are kept for where nothing is waited for. */
const WORK_MS = 2_500;

const nats = (await findPostgres()) === undefined ? undefined : await startNatsServer();
const lacking = nats === undefined ? `${NO_POSTGRES}; ${NO_NATS}` : undefined;
if (lacking !== undefined) console.info(`Left out: ${lacking}`);
afterAll(() => nats?.[Symbol.asyncDispose]());

describe.skipIf(nats === undefined)("a gateway that stops", () => {
  it("shows its clients the end of what they wait for, within its grace, and takes nothing more", async () => {
    if (nats === undefined) throw new Error("There is no NATS server.");
    await using stage = (await openProcessStage(nats)) as ProcessStage;
    const gateway = await stage.start("gateway");
    await stage.start("agent");
    const goOn = Promise.withResolvers<void>();
    stage.model.setRule(() => ({
      tokens: ["one ", "two"],
      pace: (chunk) => (chunk >= 2 ? goOn.promise : Promise.resolve()),
    }));
    const post = (session: string, accept: string) =>
      stage.call(gateway, "/api/agents/ana/messages", { text: "count", session }, { accept });
    const whole = post("whole", "application/json").then((response) => response.json());
    const streamed = post("stream", "text/event-stream").then((response) => response.text());
    await expect.poll(() => stage.model.requests.length, WAIT).toBe(2);

    const stopping = gateway.serving.stop({ graceMs: 30_000 });
    const late = await post("late", "application/json").then(
      (response) => response.status,
      () => "refused",
    );
    setTimeout(goOn.resolve, WORK_MS);

    expect(await whole).toMatchObject({ state: "replied", text: "one two" });
    expect(await streamed).toContain('"text":"one two"');
    await stopping;
    expect(["refused", 429, 503]).toContain(late);
  });
});
