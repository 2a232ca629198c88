// What people's own words teach, from the message to the record, without a model.
import type { Author, Effect, MemoryRecord, Message } from "@troupe/contracts";
import { createLogRecorder, createManualClock } from "@troupe/testing";
import { afterEach, expect, it } from "vitest";
import { createIdGenerator, createMetrics } from "../../server/src/kit/index.ts";
import { createLearnHandler, learningOf } from "../../server/src/memory/index.ts";
import { openInlineStores } from "../../server/src/store/index.ts";

const options = { signal: new AbortController().signal };
const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

function setUp({ feelings }: { readonly feelings?: () => boolean } = {}) {
  const clock = createManualClock();
  const deps = {
    clock,
    ids: createIdGenerator(clock),
    logger: createLogRecorder(),
    metrics: createMetrics(),
  };
  const opened = openInlineStores({ memory: true, leaseClock: () => clock.now(), ...deps });
  closers.push(opened.close);
  const { stores } = opened;
  const handler = createLearnHandler({ ...stores, ...(feelings === undefined ? {} : { feelings }) });
  let seq = 0;

  /** Keeps a message, and gives the effect that it teaches by, if any. */
  const hear = async (
    text: string,
    audience: readonly string[] = ["kate"],
    author?: Author,
    sessionId = `session of ${audience}`,
  ): Promise<Effect | undefined> => {
    seq += 1;
    const own = { spaceId: "default", sessionId, turnId: `turn-${seq}` };
    const message = {
      ...{ ...own, id: `message-${seq}`, audience, createdAt: clock.now(), fromLast: 0 },
      ...({ role: "user", parts: [{ type: "text", text }], outcome: "ok" } as const),
      ...(author === undefined ? {} : { author }),
    };
    const session = {
      id: own.sessionId,
      key: own.sessionId,
      spaceId: "default",
      agentId: "ana",
      channel: "api",
    };
    const touch = stores.sessions.touch({
      ...{ ...session, peerId: audience[0] as string, ownerId: "key", audience },
      ...{ stateless: false, at: clock.now(), count: 1 },
    });
    const kept = stores.sessions.append({ ...message, turnSeq: "same" });
    const turnSeq = (await stores.unit.commit([touch, kept], options)).read(kept).seq;
    const draft = learningOf({
      ...{ agent: AGENT, trigger: "chat", sessionId: own.sessionId, turnSeq },
      inbound: [{ ...message, seq: turnSeq, turnSeq } as Message],
    });
    if (draft === undefined) return undefined;
    const of = { id: `effect-${seq}`, spaceId: "default", lane: "background", turnId: own.turnId } as const;
    return { ...draft, ...of, sessionId: own.sessionId, attempt: 1, epoch: 1, createdAt: clock.now() };
  };
  /** The reply to the turn of an effect, with what a tool brought. */
  const answer = async (effect: Effect | undefined, brought: string): Promise<void> => {
    const { sessionId = "", turnId = "", payload } = effect ?? {};
    const of = { id: sessionId, at: clock.now(), count: 1 };
    const content = { ...{ type: "tool-result", callId: "c", name: "read", text: brought }, isError: false };
    const message = {
      ...{ id: `answer to ${turnId}`, spaceId: "default", sessionId, turnId, audience: ["kate"] },
      ...({ role: "assistant", outcome: "ok", createdAt: clock.now(), fromLast: 0 } as const),
      ...{ parts: [content, { type: "text", text: "Nothing new." }] as never },
    };
    const turnSeq = Number(payload?.turnSeq);
    await stores.unit.commit(
      [stores.sessions.take(of), stores.sessions.append({ ...message, turnSeq })],
      options,
    );
  };
  const learn = async (...effects: readonly (Effect | undefined)[]): Promise<void> => {
    const due = effects.filter((effect) => effect !== undefined);
    const writes = await handler.batch?.handle(due, options);
    if (writes !== undefined && writes.length > 0) await stores.unit.commit(writes, options);
  };
  const known = async (change: object = {}): Promise<readonly MemoryRecord[]> =>
    (
      await stores.memories.list(
        { spaceId: "default", agentId: "ana", readers: ["kate"], ...change },
        options,
      )
    ).items;
  return { stores, hear, answer, learn, known };
}

const AGENT = { id: "ana", name: "Ana", model: "default", instructions: "Help." };

it("keeps what a person says of themselves, with the message that it comes from", async () => {
  const { hear, learn, known } = setUp();

  await learn(await hear("Hi! My name is Kate. Мого кота звати Мурчик. How are you?"));

  expect((await known()).map(({ text }) => text)).toEqual(["Мого кота звати Мурчик.", "My name is Kate."]);
  expect((await known())[1]).toMatchObject({
    ...{ kind: "fact", slot: "kate name", turnId: "turn-1", audience: ["kate"] },
    attributes: { by: "rules", rule: "name", value: "Kate" },
    sources: [{ kind: "message", id: "message-1", sessionId: "session of kate", turnSeq: 1 }],
  });
});

const GROUP = ["north/ann", "north/petro"];
const PETRO = { peerId: "north/petro", name: "Petro" };

it("keeps what somebody says of themselves in a group with who says so, for everybody who reads it", async () => {
  const { hear, learn, known } = setUp();

  await learn(await hear("I live in Lviv. My sister Olha came.", GROUP, PETRO));
  await learn(await hear("No, it is Odesa.", GROUP, PETRO));

  const told = await known({ readers: GROUP });
  expect(told.map(({ text, kind, slot, audience }) => [text, kind, slot, audience])).toEqual([
    ["Petro: I live in Odesa.", "fact", "north/petro home", GROUP],
    ["Petro: Olha is my sister.", "relationship", undefined, GROUP],
  ]);
  expect(told[1]?.attributes).toMatchObject({ person: "Olha", relation: "sister", speaker: "north/petro" });
  expect(await known({ readers: ["north/petro", "north/stranger"] })).toEqual([]);
});

it("tells who came later nothing of what a correction corrects, also where both are learned at once", async () => {
  const { hear, learn, known } = setUp();
  const more = [...GROUP, "north/max"];

  await learn(
    await hear("My cat is called Mia.", GROUP, PETRO, "the group"),
    await hear("No, it's Maya.", more, PETRO, "the group"),
  );

  expect(await known({ readers: more })).toEqual([]);
  expect((await known({ readers: GROUP })).map(({ text }) => text)).toEqual(["Petro: My cat is called Mia."]);
});

it("learns in a group whose channel names nobody only what is told of others by their names", async () => {
  const { hear, learn, known } = setUp();

  expect(await hear("My name is Kate. My sister Olha came. No, it is Oleh.", GROUP)).toBeUndefined();
  await learn(await hear("Petro knows about boats. I know a lot about maps.", GROUP));

  expect((await known({ readers: GROUP })).map(({ text }) => text)).toEqual(["Petro knows about boats."]);
});

it("one who corrects another in a group changes nothing of what that one said", async () => {
  const { hear, learn, known } = setUp();

  await learn(await hear("I live in Lviv.", GROUP, PETRO));
  await learn(await hear("I live in Kyiv.", GROUP, { peerId: "north/ann" }));
  await learn(await hear("No, it is Odesa.", GROUP, { peerId: "north/ann" }));

  expect((await known({ readers: GROUP })).map(({ text }) => text)).toEqual([
    "ann: I live in Odesa.",
    "Petro: I live in Lviv.",
  ]);
});

it("proves what is told again, whatever the words, and makes no second record of it", async () => {
  const { hear, learn, known } = setUp();

  await learn(await hear("I live in Lviv."));
  const again = await hear("i've moved to Lviv");
  await learn(again);
  await learn(again);

  expect((await known()).map(({ text, proofCount }) => [text, proofCount])).toEqual([["I live in Lviv.", 2]]);
});

it("closes what is corrected and what is no longer so, and says which it was", async () => {
  const { hear, learn, known } = setUp();

  await learn(await hear("My name is Kate. I live in Lviv. I love coffee"));
  await learn(await hear("No, my name is Katya."));
  await learn(await hear("I moved to Odesa"), await hear("I don't like coffee"));

  expect((await known()).map(({ text }) => text)).toEqual([
    "I don't like coffee.",
    "I moved to Odesa.",
    "My name is Katya.",
  ]);
  const closed = await known({ state: "closed" });
  expect(closed.map(({ text, closed: end }) => [text, end?.reason])).toEqual([
    ["I love coffee.", "contradicted"],
    ["I live in Lviv.", "contradicted"],
    ["My name is Kate.", "corrected"],
  ]);
});

it("learns of a turn whose tools brought more than any prompt shows", async () => {
  const { hear, answer, learn, known } = setUp();
  const told = await hear("I live in Lviv. What do all these pages say?");

  await answer(told, "x".repeat(200_000));
  await learn(told);

  expect((await known()).map(({ text }) => text)).toEqual(["I live in Lviv."]);
});

it("reads a correction without a subject as one of what was just said", async () => {
  const { hear, learn, known } = setUp();

  await learn(await hear("I like tea. My cat is called Mia."));
  await learn(await hear("Sorry, it's Maya"));
  await learn(await hear("No, it's expensive"));

  expect((await known()).map(({ text }) => text)).toEqual(["My cat is called Maya.", "I like tea."]);
});

it("learns the same from one batch as one by one", async () => {
  const { hear, learn, known } = setUp();
  const heard = [
    await hear("My cat is called Mia."),
    await hear("my cat is called Mia"),
    await hear("No, it's Maya"),
    await hear("What is my cat called?"),
  ];

  await learn(...heard);

  expect((await known()).map(({ text, proofCount }) => [text, proofCount])).toEqual([
    ["My cat is called Maya.", 1],
  ]);
  expect((await known({ state: "closed" })).map(({ proofCount }) => proofCount)).toEqual([2]);
});

it("learns nothing where several may be meant by I, from secrets, or when it is told not to", async () => {
  const { hear, stores } = setUp();

  expect(await hear("My name is Kate.", ["kate", "max"])).toBeUndefined();
  expect(await hear("Remember that my password is sk-abcdefghijklmnopqrstuvwxyz123456")).toBeUndefined();
  const inbound = [{ role: "user", audience: ["kate"], parts: [{ type: "text", text: "I live in Lviv" }] }];
  const turn = {
    trigger: "chat",
    sessionId: "s",
    turnSeq: 1,
    inbound: inbound as unknown as Message[],
  } as const;
  expect(learningOf({ ...turn, agent: AGENT })).toBeDefined();
  expect(learningOf({ ...turn, agent: { ...AGENT, learn: "off" } })).toBeUndefined();
  expect(learningOf({ ...turn, agent: AGENT, trigger: "job" })).toBeUndefined();
  expect((await stores.memories.counts({ spaceId: "default" }, options)).length).toBe(0);
});

it("refuses a commit that comes after somebody else closed what it closes, and learns the next time", async () => {
  const { hear, stores, known } = setUp();
  const handler = createLearnHandler(stores);
  const first = (await hear("I live in Lviv.")) as Effect;
  await stores.unit.commit(await handler.handle(first, options), options);
  const second = (await hear("I live in Odesa.")) as Effect;
  const late = await handler.handle(second, options);
  const [old] = await known();
  await stores.unit.commit(
    [stores.memories.close({ spaceId: "default", id: old?.id ?? "", at: 9, reason: "forgotten" })],
    options,
  );

  await expect(stores.unit.commit(late, options)).rejects.toMatchObject({ code: "store.conflict" });
  await stores.unit.commit(await handler.handle(second, options), options);

  expect((await known()).map(({ text }) => text)).toEqual(["I live in Odesa."]);
});

it("keeps nothing of a conversation that was deleted while it was read", async () => {
  const { hear, stores, known } = setUp();
  const handler = createLearnHandler(stores);
  const effect = (await hear("I live in Lviv.")) as Effect;
  const late = await handler.handle(effect, options);
  await stores.unit.commit([stores.sessions.remove(effect.sessionId)], options);

  await expect(stores.unit.commit(late, options)).rejects.toMatchObject({ code: "store.conflict" });

  expect(await handler.handle(effect, options)).toEqual([]);
  expect(await known()).toEqual([]);
});

it("keeps how it felt where feelings are on, and nothing of that where they are off", async () => {
  const off = setUp({ feelings: () => false });
  const on = setUp({ feelings: () => true });
  for (const { hear, learn } of [off, on])
    await learn(await hear("My cat is called Mia. I am so happy with her!"), await hear("I live in Lviv."));

  expect((await off.known()).map(({ emotion }) => emotion)).toEqual([undefined, undefined]);
  const [home, cat] = await on.known();
  expect(home?.emotion).toBeUndefined();
  expect(cat?.emotion?.valence).toBeGreaterThan(0.5);
});
