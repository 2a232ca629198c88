// Learning with a model: what is asked, what is kept, and what happens when a provider refuses.
import type { Effect, ErrorCode, ModelRequest, ModelRouter } from "@troupe/contracts";
import { TroupeError } from "@troupe/contracts";
import { createLogRecorder, createManualClock } from "@troupe/testing";
import { afterEach, expect, it } from "vitest";
import { createIdGenerator, createMetrics } from "../../server/src/kit/index.ts";
import { createExtractHandler, learningOf } from "../../server/src/memory/index.ts";
import { openInlineStores } from "../../server/src/store/index.ts";

const options = { signal: new AbortController().signal };
const AGENT = { id: "ana", name: "Ana", model: "default", instructions: "Help.", learn: "model" } as const;
const USAGE = { inputTokens: 9, cachedInputTokens: 0, outputTokens: 9 };
const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

let areFeelingsOn: boolean | undefined;
afterEach(() => {
  areFeelingsOn = undefined;
});

function setUp(...answers: readonly (readonly object[] | string | ErrorCode)[]) {
  const clock = createManualClock();
  const logger = createLogRecorder();
  const deps = { clock, ids: createIdGenerator(clock), logger, metrics: createMetrics() };
  const opened = openInlineStores({ memory: true, leaseClock: () => clock.now(), ...deps });
  closers.push(opened.close);
  const { stores } = opened;
  const requests: ModelRequest[] = [];
  const waiting = [...answers];
  const choice = {
    model: { provider: "p", modelId: "m", contextWindow: 8_000, stream: () => (async function* () {})() },
    ...{ name: "p/m", price: undefined },
  };
  const stream: ModelRouter["stream"] = async function* (_choices, request, { onModel }) {
    requests.push(request);
    onModel(choice);
    const next = waiting.shift() ?? [];
    if (typeof next === "string" && next.startsWith("model.")) {
      const error = new TroupeError("No.", { code: next as ErrorCode });
      yield { type: "end", reason: "error", usage: USAGE, estimated: false, error };
      return;
    }
    const text = typeof next === "string" ? next : JSON.stringify({ memories: next });
    yield { type: "text-delta", text };
    yield { type: "end", reason: "stop", usage: USAGE, estimated: false };
  };
  const handler = createExtractHandler({
    ...{ ...stores, ...deps, budgets: { of: () => [] } as never },
    feelings: () => areFeelingsOn === true,
    router: { choices: () => [choice], stream } as never,
    agents: { get: () => ({ spaceId: "default", revision: 1, spec: AGENT }), list: () => [] },
  });
  let seq = 0;
  const hear = async (text: string, key = "one", audience: readonly string[] = ["kate"]): Promise<Effect> => {
    seq += 1;
    const of = { spaceId: "default", sessionId: key, turnId: `turn-${seq}` };
    const touch = stores.sessions.touch({
      ...{ id: key, key, spaceId: "default", agentId: "ana", channel: "api", peerId: "kate", ownerId: "key" },
      ...{ audience, stateless: false, at: clock.now(), count: 1 },
    });
    const kept = stores.sessions.append({
      ...{ ...of, id: `message-${seq}`, audience, createdAt: clock.now(), fromLast: 0, turnSeq: "same" },
      ...{ role: "user", parts: [{ type: "text", text }], outcome: "ok" },
    });
    const turnSeq = (await stores.unit.commit([touch, kept], options)).read(kept).seq;
    return {
      ...{
        ...of,
        id: `effect-${seq}`,
        kind: "memory.extract",
        v: 1,
        lane: "background",
        attempt: 1,
        epoch: 1,
      },
      ...{ createdAt: clock.now(), payload: { agentId: "ana", sessionId: key, turnSeq } },
    };
  };
  const learn = async (...effects: readonly Effect[]): Promise<void> => {
    const writes = await handler.batch?.handle(effects, options);
    if (writes !== undefined && writes.length > 0) await stores.unit.commit(writes, options);
  };
  /** As the lanes do: what is said to fail ends alone, and what is written is kept. */
  const run = async (...effects: readonly Effect[]): Promise<ReadonlyMap<string, unknown>> => {
    const failed = new Map<string, unknown>();
    const fail = (id: string, error: unknown) => failed.set(id, error);
    const writes = (await handler.batch?.handle(effects, { ...options, fail })) ?? [];
    if (writes.length > 0) await stores.unit.commit(writes, options);
    return failed;
  };
  const known = async (readers: readonly string[] = ["kate"]) =>
    (await stores.memories.list({ spaceId: "default", agentId: "ana", readers }, options)).items;
  return { stores, clock, logger, requests, hear, learn, run, handler, known };
}

const fact = (text: string, change: object = {}) => ({
  ...{ text, kind: "fact", slot: "", value: "", matters: 0.7, ...change },
});

it("asks once for all waiting turns of a conversation, and keeps what is new with its messages", async () => {
  const { hear, learn, known, requests } = setUp([fact("Kate's sister Daryna repairs violins in Uzhhorod.")]);

  await learn(
    await hear("My sister Daryna has a workshop."),
    await hear("She repairs violins, in Uzhhorod."),
  );

  expect(requests).toHaveLength(1);
  expect(requests[0]?.responseFormat?.name).toBe("memories");
  expect(requests[0]?.messages[1]?.text).toContain("user: She repairs violins, in Uzhhorod.");
  expect(await known()).toMatchObject([
    {
      ...{ text: "Kate's sister Daryna repairs violins in Uzhhorod.", kind: "fact", audience: ["kate"] },
      ...{ salience: 0.7, attributes: { by: "model" } },
      sources: [{ id: "message-1" }, { id: "message-2" }],
    },
    { text: "Daryna is my sister.", kind: "relationship", attributes: { by: "rules", relation: "sister" } },
  ]);
});

it("keeps of a relationship whom it is about and what they are or know, and of another kind nothing of that", async () => {
  const { hear, learn, known } = setUp([
    fact("Petro is Kate's colleague.", { kind: "relationship", person: "Petro", relation: "Colleague" }),
    fact("Petro repairs boats.", { kind: "relationship", person: "Petro", knows: "boats", relation: "" }),
    fact("Kate paints boats.", { person: "Kate", knows: "boats" }),
  ]);

  await learn(await hear("There is a man at work who does boats."));

  expect((await known()).map(({ attributes: { by: _, ...rest } }) => rest).toReversed()).toEqual([
    { person: "Petro", relation: "colleague" },
    { person: "Petro", knows: "boats" },
    {},
  ]);
});

it("shows the model every waiting turn, however much was said in between", async () => {
  const { hear, learn, requests } = setUp();
  const first = await hear("My sister Daryna has a workshop.");
  for (let n = 0; n < 120; n++) await hear("So it goes, on and on.");
  await hear(`Here is the whole book: ${"word ".repeat(20_000)}`);
  const last = await hear("She repairs violins, in Uzhhorod.");

  await learn(first, last);

  const [, asked] = requests[0]?.messages ?? [];
  expect(asked?.text).toMatch(/My sister Daryna has a workshop\.\nuser: She repairs violins/);
});

it("keeps one record of what rules and model both read, and a model's word proves nothing", async () => {
  const { hear, learn, known } = setUp(
    [fact("The user lives in Lviv.", { slot: "home", value: "Lviv" })],
    [fact("Kate lives in Lviv.", { slot: "home", value: "lviv" })],
  );

  await learn(await hear("I live in Lviv."));
  await learn(await hear("What is the weather like at home?"));

  expect((await known()).map(({ text, proofCount }) => [text, proofCount])).toEqual([["I live in Lviv.", 1]]);
});

it("keeps what the rules read when the answer cannot be read", async () => {
  const { hear, learn, known, logger } = setUp("I would rather talk about lighthouses.");

  await learn(await hear("My cat is called Mia."));

  expect((await known()).map(({ text }) => text)).toEqual(["My cat is called Mia."]);
  expect(logger.troubles()).toEqual(["memory.extract_unreadable"]);
});

it.each(["model.auth", "model.billing"] as const)(
  "stops the batch at %s, asks nobody for a while, and loses nothing",
  async (code) => {
    const { hear, learn, known, requests, clock } = setUp(code, [fact("Kate is moving in May.")], []);
    const effects = [
      await hear("I am moving in May, at last.", "one"),
      await hear("We talked about boats again.", "two"),
    ];

    const refused = await learn(...effects).catch((error: unknown) => error);
    const still = await learn(effects[1] as Effect).catch((error: unknown) => error);

    expect(refused).toMatchObject({ code: "model.auth", retryable: true, retryAfterMs: 15 * 60_000 });
    expect(still).toMatchObject({ retryable: true });
    expect([requests.length, (await known()).length]).toEqual([1, 0]);

    await clock.advance(15 * 60_000);
    await learn(...effects);

    expect((await known()).map(({ text }) => text)).toEqual(["Kate is moving in May."]);
  },
);

it.each(["model.rejected", "model.auth", "model.timeout"] as const)(
  "keeps what the rules read although the model ends with %s",
  async (code) => {
    const { hear, run, known } = setUp(code);

    const failed = await run(await hear("My cat is called Mia."));

    expect([...failed.keys()]).toEqual(["effect-1"]);
    expect((await known()).map(({ text }) => text)).toEqual(["My cat is called Mia."]);
  },
);

it("ends a conversation that the model refuses for good alone, and asks once for each of the others", async () => {
  const { hear, run, known, requests } = setUp(
    [fact("Kate is moving in May.")],
    "model.rejected",
    "model.timeout",
    [fact("Kate keeps bees.")],
  );
  const effects = [
    await hear("I am moving in May, at last.", "one"),
    await hear("We talked about boats again.", "two"),
    await hear("The weather was very fine.", "three"),
    await hear("The bees are doing well.", "four"),
  ];

  const failed = await run(...effects);

  expect(requests).toHaveLength(4);
  expect([...failed.keys()]).toEqual(["effect-2", "effect-3"]);
  // The first is dead at once, the second is tried again.
  expect(failed.get("effect-2")).toMatchObject({ code: "request.invalid" });
  expect(failed.get("effect-3")).toMatchObject({ code: "model.timeout" });
  expect((await known()).map(({ text }) => text).toSorted()).toEqual([
    "Kate is moving in May.",
    "Kate keeps bees.",
  ]);
});

it("gives up a conversation whose answers break off again and again", async () => {
  const { hear, run } = setUp("model.bad_response", "model.bad_response");
  const effect = await hear("We talked about boats again.");

  const [early, late] = [await run({ ...effect, attempt: 9 }), await run({ ...effect, attempt: 10 })];

  expect(early.get(effect.id)).toMatchObject({ code: "model.bad_response" });
  expect(late.get(effect.id)).toMatchObject({ code: "request.invalid" });
});

it("takes back no correction when a turn of before it is tried again", async () => {
  const { hear, run, known } = setUp("model.timeout", []);
  const first = await hear("My name is Olena.");
  await run(first);
  await run(await hear("No, it is Olha."));

  await run({ ...first, attempt: 2 });

  expect((await known()).map(({ text }) => text)).toEqual(["My name is Olha."]);
});

it("stops the batch where the key is refused: the others are not asked, and what rules read of them is kept", async () => {
  const { hear, run, known, requests } = setUp("model.auth");

  const failed = await run(
    await hear("We talked about boats again.", "one"),
    await hear("My cat is called Mia.", "two"),
  );

  expect(requests).toHaveLength(1);
  expect([...failed.values()]).toMatchObject([
    { code: "model.auth" },
    { code: "model.auth", retryable: true },
  ]);
  expect((await known()).map(({ text }) => text)).toEqual(["My cat is called Mia."]);
});

it("keeps for a group only what all of its readers heard, and nothing that looks like a secret", async () => {
  const { hear, learn, known } = setUp([
    fact("The choir meets on Fridays.", { slot: "choir day", value: "Friday" }),
    fact("The key is sk-abcdefghijklmnopqrstuvwxyz123456."),
  ]);

  await learn(
    await hear("Only for us two: we sing.", "g", ["kate", "max"]),
    await hear("The choir meets on Fridays.", "g", ["kate", "max", "olena"]),
  );

  expect((await known(["kate", "max"])).map(({ text, slot }) => [text, slot])).toEqual([
    ["The choir meets on Fridays.", undefined],
  ]);
  expect(await known(["olena"])).toEqual([]);
});

it("shows a model that learns from one conversation nothing of another's, learned just now or by a name that is linked", async () => {
  const { hear, learn, requests, stores } = setUp();
  const theirs = { spaceId: "default", agentId: "ana", audience: ["max"], turnId: "t", recordedAt: 1 };
  await stores.unit.commit([stores.memories.put({ ...theirs, id: "m", text: "Max sings bass." })], options);
  const { list } = stores.memories;
  // As the store answers where Kate and Max are one person.
  Object.assign(stores.memories, {
    list: (query: Parameters<typeof list>[0]) => list({ ...query, readers: undefined }, options),
  });

  await learn(
    await hear("I live in Lviv.", "one", ["max"]),
    await hear("I work as a baker.", "two", ["kate"]),
  );

  expect(requests).toHaveLength(2);
  const [, toKate] = requests.map(({ messages }) => JSON.stringify(messages));
  expect(toKate).toContain("baker");
  expect(toKate).not.toMatch(/Lviv|sings bass/);
});

it("keeps nothing of a conversation that was deleted while the model read it", async () => {
  const { hear, handler, stores, known } = setUp([fact("Kate is moving in May.")]);
  const effect = await hear("I am moving in May, at last.");
  const late = await handler.handle(effect, options);
  await stores.unit.commit([stores.sessions.remove("one")], options);

  await expect(stores.unit.commit(late, options)).rejects.toMatchObject({ code: "store.conflict" });

  expect(await known()).toEqual([]);
});

it("waits a little for company, and lets small talk be", () => {
  const of = (text: string) => {
    const inbound = [{ role: "user", audience: ["kate"], parts: [{ type: "text", text }] }] as never;
    return learningOf({ agent: AGENT, trigger: "chat", sessionId: "s", turnSeq: 1, inbound });
  };
  expect(of("We talked about boats with Olena")).toMatchObject({ kind: "memory.extract", delayMs: 30_000 });
  expect(of("thanks!")).toBeUndefined();
});

it("asks how it felt where feelings are on, takes its own words where the model says nothing, and asks nothing else where they are off", async () => {
  const told = [
    fact("Kate's sister Daryna repairs violins.", { valence: 0.4, arousal: 0.3 }),
    fact("Kate's dog died in May.", { valence: 0, arousal: 0 }),
    fact("Kate plans a trip to Odesa.", { valence: 7, arousal: "much" }),
  ];
  const { hear, learn, known, requests } = setUp(told, told);
  await learn(await hear("My sister Daryna repairs violins, my dog died, and I go to Odesa."));
  const plain = await known();
  expect(plain.map(({ text }) => text)).toEqual(expect.arrayContaining(told.map(({ text }) => text)));
  expect(plain.filter(({ emotion }) => emotion !== undefined)).toEqual([]);
  expect(JSON.stringify(requests[0])).not.toMatch(/valence|arousal/);

  areFeelingsOn = true;
  await learn(
    await hear("My sister Daryna repairs violins, my dog died, and I go to Odesa.", "two", ["max"]),
  );

  expect(requests[1]?.messages[0]?.text).toContain("valence");
  expect(JSON.stringify(requests[1]?.responseFormat)).toContain("arousal");
  const felt = new Map((await known(["max"])).map(({ text, emotion }) => [text, emotion]));
  expect(felt.get("Kate's sister Daryna repairs violins.")).toEqual({ valence: 0.4, intensity: 0.3 });
  expect(felt.get("Kate's dog died in May.")?.valence).toBeLessThan(0);
  expect(felt.get("Kate plans a trip to Odesa.")).toBeUndefined();
});
