/** Processes of one Troupe whose NATS server is away, and clients that sit on any of the gateways. */
import { findPostgres, NO_NATS, NO_POSTGRES, startNatsServer } from "@troupe/testing";
import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { openProcessStage, type ProcessStage, type StagedMember } from "./stage.ts";

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });
const WAIT = { timeout: 60_000, interval: 25 };
const options = { signal: new AbortController().signal };

const nats = (await findPostgres()) === undefined ? undefined : await startNatsServer();
const lacking = nats === undefined ? `${NO_POSTGRES}; ${NO_NATS}` : undefined;
if (lacking !== undefined) console.info(`Left out: ${lacking}`);
afterAll(() => nats?.[Symbol.asyncDispose]());

describe.skipIf(nats === undefined)("the bus between processes", () => {
  let stage: ProcessStage;
  beforeEach(async () => {
    if (nats === undefined) throw new Error("There is no NATS server.");
    stage = (await openProcessStage(nats)) as ProcessStage;
  });
  afterEach(async () => {
    await stage[Symbol.asyncDispose]();
    await nats?.stop();
    await nats?.start();
  });

  const connected = (...members: readonly StagedMember[]) =>
    expect
      .poll(() => members.every(({ serving }) => serving.troupe.health.ready().notes === undefined), WAIT)
      .toBe(true);
  const accept = async (gateway: StagedMember, text: string, session = "s"): Promise<string> => {
    const body = { text, session, user: "kate" };
    const response = await stage.call(gateway, "/api/agents/ana/messages?wait=false", body);
    return ((await response.json()) as { readonly turnId: string }).turnId;
  };
  const stateOf = async (member: StagedMember, turnId: string) =>
    (await member.serving.troupe.stores.turns.get(turnId, options))?.state;
  /** The words that a client of this gateway is shown, as they come. */
  const follow = async (
    gateway: StagedMember,
    turnId: string,
    shown: (text: string) => void,
  ): Promise<string> => {
    const response = await stage.call(gateway, `/api/turns/${turnId}/events`);
    const decoder = new TextDecoder();
    let text = "";
    for await (const piece of response.body ?? []) {
      text += decoder.decode(piece as Uint8Array, { stream: true });
      shown(wordsOf(text));
    }
    return text;
  };
  const wordsOf = (stream: string): string =>
    [...stream.matchAll(/^event: text-delta\n.*\ndata: (.*)$/gm)]
      .map(([, data = "{}"]) => (JSON.parse(data) as { readonly text: string }).text)
      .join("");

  it("starts and works without it, and hurries once it is there", async () => {
    await nats?.stop();
    const gateway = await stage.start("gateway");
    const agent = await stage.start("agent");
    const away = gateway.serving.troupe.health.ready();

    const turnId = await accept(gateway, "without a bus");
    await expect.poll(() => stateOf(gateway, turnId), WAIT).toBe("replied");
    await nats?.start();
    await connected(gateway, agent);
    const response = await stage.call(gateway, "/api/agents/ana/messages", { text: "with it", session: "s" });

    expect(away).toMatchObject({ ready: true, notes: [expect.stringContaining("Nothing is lost.")] });
    expect(((await response.json()) as { readonly state: string }).state).toBe("replied");
  });

  it("shows one turn on both gateways, word by word and each once, over a restart of the bus", async () => {
    const gateways = [await stage.start("gateway"), await stage.start("gateway")] as const;
    const agent = await stage.start("agent");
    await connected(...gateways, agent);
    const steps = ["one", "two", "three"].map(() => Promise.withResolvers<void>());
    stage.model.setRule(() => ({
      tokens: ["one ", "two ", "three"],
      pace: (chunk) => steps[chunk - 1]?.promise ?? Promise.resolve(),
    }));
    const turnId = await accept(gateways[0], "count");
    const seen = ["", ""];
    const followed = gateways.map((gateway, i) =>
      follow(gateway, turnId, (words) => {
        seen[i] = words;
      }),
    );
    steps[0]?.resolve();
    await expect.poll(() => seen, WAIT).toEqual(["one ", "one "]);

    await nats?.stop();
    await expect.poll(() => agent.serving.troupe.health.ready().notes?.length, WAIT).toBe(1);
    steps[1]?.resolve();
    await nats?.start();
    await expect.poll(() => seen, WAIT).toEqual(["one two ", "one two "]);
    steps[2]?.resolve();
    const streams = await Promise.all(followed);

    for (const stream of streams) {
      expect("one two three".startsWith(wordsOf(stream))).toBe(true);
      expect(stream.match(/^event: attempt-start$/gm)?.length).toBe(1);
      expect(stream).toContain('"text":"one two three"');
    }
    expect(await stateOf(gateways[0], turnId)).toBe("replied");
  });
});
