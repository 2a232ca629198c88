import { type EpisodeMemory, type EpisodeQuery, type NewEpisode, TroupeError } from "@troupe/contracts";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

export interface EpisodeHarness {
  readonly memory: EpisodeMemory;
  /** What the next calls of the service meet; undefined: nothing. `silent`: it answers nothing at all. */
  fail(how: "refused" | "away" | "silent" | "nonsense" | "misused" | undefined): void;
  close(): Promise<void>;
}

const options = { signal: new AbortController().signal };
const AT = Date.UTC(2026, 10, 20, 12);

const episode = (id: string, text: string, change: Partial<NewEpisode> = {}): NewEpisode => ({
  ...{ id, spaceId: "default", agentId: "ana", audience: ["kate"], sessionId: "s1", turnSeq: 1 },
  messages: [
    { role: "user", text, at: AT },
    { role: "assistant", text: "Noted.", at: AT + 1_000 },
  ],
  ...change,
});
const query = (text: string, change: Partial<EpisodeQuery> = {}): EpisodeQuery => ({
  ...{ spaceId: "default", agentId: "ana", readers: ["kate"], text, limit: 5, withinMs: 5_000, ...change },
});
const codeOf = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => "done",
    (error: unknown) => (TroupeError.is(error) ? [error.code, error.retryable] : error),
  );

/** What every `EpisodeMemory` keeps to. */
export function episodeContract(name: string, open: () => Promise<EpisodeHarness>): void {
  describe(`episode memory contract: ${name}`, () => {
    let harness: EpisodeHarness;
    beforeEach(async () => {
      harness = await open();
    });
    afterEach(() => harness.close());
    const idsOf = async (asked: EpisodeQuery): Promise<readonly string[]> =>
      (await harness.memory.search(asked, options)).map(({ id }) => id);

    describeKeeping(() => harness, idsOf);
    describeTrouble(() => harness);
  });
}

type IdsOf = (asked: EpisodeQuery) => Promise<readonly string[]>;

function describeKeeping(of: () => EpisodeHarness, idsOf: IdsOf): void {
  it("finds what was written, with its time, and no more than was asked for", async () => {
    const { memory } = of();
    await memory.write(episode("e/1", "The boat is called Heron."), options);
    await memory.write(episode("e 2", "The boat is blue.", { turnSeq: 3 }), options);

    const [first] = await memory.search(query("What is the boat called?"), options);

    expect(first).toMatchObject({ id: "e/1", at: AT, text: expect.stringContaining("Heron") });
    expect((await idsOf(query("boat"))).toSorted()).toEqual(["e 2", "e/1"]);
    expect(await idsOf(query("boat", { limit: 1 }))).toHaveLength(1);
    expect(await idsOf(query("harbour"))).toEqual([]);
  });

  it("finds only what all readers may be told, of this agent and space", async () => {
    const { memory } = of();
    await memory.write(episode("hers", "The boat is called Heron."), options);
    await memory.write(episode("theirs", "The boat is blue.", { audience: ["kate", "max"] }), options);
    await memory.write(episode("ben's", "The boat of Ben.", { agentId: "ben" }), options);
    await memory.write(episode("other", "The boat elsewhere.", { spaceId: "elsewhere" }), options);

    expect((await idsOf(query("boat"))).toSorted()).toEqual(["hers", "theirs"]);
    expect(await idsOf(query("boat", { readers: ["max"] }))).toEqual(["theirs"]);
    expect(await idsOf(query("boat", { readers: ["kate", "max"] }))).toEqual(["theirs"]);
    expect(await idsOf(query("boat", { readers: ["mia"] }))).toEqual([]);
  });

  it("keeps an id once, however often it is written", async () => {
    const { memory } = of();
    for (let n = 0; n < 3; n++) await memory.write(episode("e", "The boat is called Heron."), options);

    expect(await idsOf(query("boat"))).toEqual(["e"]);
  });

  it("forgets what one person alone may be told, and that again without a word", async () => {
    const { memory } = of();
    await memory.write(episode("hers", "The boat is called Heron."), options);
    await memory.write(episode("theirs", "The boat is blue.", { audience: ["kate", "max"] }), options);

    await memory.forget({ spaceId: "default", reader: "kate" }, options);
    await memory.forget({ spaceId: "default", reader: "kate" }, options);

    expect(await idsOf(query("boat"))).toEqual(["theirs"]);
  });

  it("says what it is", async () => {
    expect(await of().memory.facts(options)).toMatchObject({ name: expect.stringMatching(/\S/) });
  });
}

function describeTrouble(of: () => EpisodeHarness): void {
  const calls = ({ memory }: EpisodeHarness, one: { readonly signal: AbortSignal }) => [
    memory.search(query("boat"), one),
    memory.write(episode("e", "The boat."), one),
    memory.forget({ spaceId: "default", reader: "kate" }, one),
    memory.facts(one),
  ];

  it.each([
    ["refused", ["auth.invalid", false]],
    ["away", ["channel.unavailable", true]],
    ["misused", ["request.invalid", false]],
  ] as const)("tells by its code what may be otherwise later: %s", async (how, expected) => {
    const harness = of();
    harness.fail(how);

    for (const call of calls(harness, options)) expect(await codeOf(call)).toEqual(expected);
  });

  it("refuses an answer that cannot be read", async () => {
    const harness = of();
    harness.fail("nonsense");

    expect(await codeOf(harness.memory.search(query("boat"), options))).toEqual(["request.invalid", false]);
    expect(await codeOf(harness.memory.facts(options))).toEqual(["request.invalid", false]);
  });

  it("gives up a search at its deadline, and every call with the signal's reason", async () => {
    const harness = of();
    harness.fail("silent");
    const late = await codeOf(harness.memory.search(query("boat", { withinMs: 50 }), options));
    expect(late).toEqual(["channel.unavailable", true]);
    const abort = new AbortController();
    const reason = new Error("stopped");

    const running = calls(harness, abort).map(codeOf);
    setTimeout(() => abort.abort(reason), 20);

    expect(await Promise.all(running)).toEqual([reason, reason, reason, reason]);
    expect(await codeOf(harness.memory.facts(abort))).toBe(reason);
  });
}
