import type { SearchHit, SearchQuery } from "@troupe/contracts";
import { expect, it } from "vitest";
import {
  commit,
  type GetHarness,
  message,
  options,
  SPACE,
  type StoreHarness,
  session,
} from "./store-fixtures.ts";

interface Said {
  readonly session?: string;
  readonly audience?: readonly string[];
  /** Of the turn that it belongs to; left out, it opens one. */
  readonly turnSeq?: number;
  readonly role?: "user" | "assistant";
}

/** Keeps one message and says its number in the session. Its id is its text. */
async function say(harness: StoreHarness, text: string, said: Said = {}): Promise<number> {
  const { sessions } = harness.stores;
  const { session: id = "now", audience = ["peer-1"], turnSeq = "same", role = "user" } = said;
  const append = sessions.append(message({ id: text, text, sessionId: id, audience, turnSeq, role }));
  return (await commit(harness, sessions.touch(session({ id, audience })), append)).read(append).seq;
}

async function remember(
  harness: StoreHarness,
  text: string,
  audience: readonly string[] = ["peer-1"],
): Promise<void> {
  const { memories } = harness.stores;
  await commit(
    harness,
    memories.put({
      id: text,
      spaceId: SPACE,
      agentId: "ana",
      audience,
      text,
      turnId: "turn-1",
      recordedAt: 1,
    }),
  );
}

async function hits(
  harness: StoreHarness,
  words: string,
  fromTurnSeq: number,
  change: Partial<SearchQuery> = {},
): Promise<readonly SearchHit[]> {
  await harness.stores.search.indexNew(1000, options);
  const query = {
    spaceId: SPACE,
    agentId: "ana",
    readers: ["peer-1"],
    words: words.split(" "),
    limit: 100,
    except: { sessionId: "now", fromTurnSeq },
    ...change,
  };
  return harness.stores.search.search(query, options);
}

async function idsOf(...asked: Parameters<typeof hits>): Promise<readonly string[]> {
  return (await hits(...asked)).map(({ id }) => id);
}

/** What a search leaves out because the asker has it before it, and nothing else. */
export function describeExcept(get: GetHarness): void {
  describeShown(get);
  describeOlderTurns(get);
  describeCrowds(get);
  describeReaders(get);
  describeAnyOrder(get);
}

function describeShown(get: GetHarness): void {
  it("leaves out what the asker has before it: the session's messages from a turn on, and no others", async () => {
    const harness = get();
    await say(harness, "tea elsewhere", { session: "earlier" });
    await say(harness, "tea first");
    await say(harness, "tea second");
    await say(harness, "tea third");
    await say(harness, "tea meanwhile", { session: "earlier" });
    await remember(harness, "tea note");

    expect(await idsOf(harness, "tea", 2)).toEqual([
      "tea note",
      "tea meanwhile",
      "tea first",
      "tea elsewhere",
    ]);
    expect(await idsOf(harness, "tea", 1)).toEqual(["tea note", "tea meanwhile", "tea elsewhere"]);
  });

  it("finds something as soon as a reader knows more than the asker has before it", async () => {
    const harness = get();
    await say(harness, "tea first");
    await say(harness, "tea second");
    const nothing = await idsOf(harness, "tea", 1);

    await remember(harness, "tea note");
    const note = await idsOf(harness, "tea", 1);
    await commit(harness, harness.stores.memories.erase(SPACE, "tea note"));
    const forgotten = await idsOf(harness, "tea", 1);
    await say(harness, "tea elsewhere", { session: "other" });

    expect([nothing, note, forgotten]).toEqual([[], ["tea note"], []]);
    expect(await idsOf(harness, "tea", 1)).toEqual(["tea elsewhere"]);
  });
}

function describeOlderTurns(get: GetHarness): void {
  it("finds an answer of an older turn that came after the message which begins the next", async () => {
    const harness = get();
    await say(harness, "tea question");
    const next = await say(harness, "tea next");
    await say(harness, "tea answer", { turnSeq: 1, role: "assistant" });

    expect(await idsOf(harness, "tea", next)).toEqual(["tea answer", "tea question"]);
  });

  it("finds what an older turn brings to a reader who knew of later ones alone", async () => {
    const harness = get();
    const both = ["peer-1", "peer-2"];
    const readers = { readers: ["peer-2"] };
    await say(harness, "tea question");
    const next = await say(harness, "tea next", { audience: both });
    const before = await idsOf(harness, "tea", next, readers);
    await say(harness, "tea answer", { audience: both, turnSeq: 1, role: "assistant" });

    expect([before, await idsOf(harness, "tea", next, readers)]).toEqual([[], ["tea answer"]]);
  });
}

function describeCrowds(get: GetHarness): void {
  it("does not let a long conversation hide what was said before it or beside it", async () => {
    const harness = get();
    await say(harness, "tea before", { session: "earlier" });
    for (let n = 0; n < 150; n++) await say(harness, `tea ${n}`);
    const before = await idsOf(harness, "tea", 1, { limit: 3 });
    await say(harness, "tea beside", { session: "other" });
    for (let n = 150; n < 200; n++) await say(harness, `tea ${n}`);

    expect(before).toEqual(["tea before"]);
    expect(await idsOf(harness, "tea", 1, { limit: 3 })).toEqual(["tea beside", "tea before"]);
  });
}

function describeReaders(get: GetHarness): void {
  it("finds only what every reader knows, whatever each of them knows besides", async () => {
    const harness = get();
    const group = ["peer-1", "peer-2"];
    await say(harness, "tea secret", { session: "private" });
    await say(harness, "tea here", { audience: group });
    const readers = { readers: group };
    const alone = await idsOf(harness, "tea", 1, readers);
    await say(harness, "tea theirs", { session: "theirs", audience: ["peer-2"] });
    const apart = await idsOf(harness, "tea", 1, readers);
    const theirs = await idsOf(harness, "tea", 1, {
      readers: ["peer-2"],
      except: { sessionId: "theirs", fromTurnSeq: 1 },
    });
    await say(harness, "tea shared", { session: "shared", audience: group });

    expect([alone, apart, theirs]).toEqual([[], [], ["tea here"]]);
    expect(await idsOf(harness, "tea", 1, readers)).toEqual(["tea shared"]);
    expect(await idsOf(harness, "tea", 1)).toEqual(["tea shared", "tea secret"]);
  });

  it("counts no words of what it leaves out, and gives no hit below the least score", async () => {
    const harness = get();
    await say(harness, "tea with jam", { session: "earlier" });
    await say(harness, "tea alone", { session: "earlier" });
    const scores = async () =>
      (await hits(harness, "tea jam", 1)).map(({ id, score }) => [id, score] as const);
    const before = await scores();
    for (let n = 0; n < 20; n++) await say(harness, `jam ${n}`);
    await say(harness, "bread", { session: "other" });

    const after = await scores();
    const [, [, low] = ["", 0]] = after;

    expect(after).toEqual(before);
    expect(await idsOf(harness, "tea jam", 1, { minScore: low })).toEqual(["tea with jam", "tea alone"]);
    expect(await idsOf(harness, "tea jam", 1, { minScore: low + 0.01 })).toEqual(["tea with jam"]);
  });
}

/** Numbers that look random and are the same each time. */
function numbers(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

const AUDIENCES = [["peer-1"], ["peer-2"], ["peer-1", "peer-2"]] as const;
const WORDS = ["tea", "jam", "bread", "milk"];

function describeAnyOrder(get: GetHarness): void {
  it("gives the same as a search for everything without what is left out, in whatever order things were said", async () => {
    const harness = get();
    const next = numbers(7);
    const sizes: number[] = [];
    for (let n = 0; n < 90; n++) {
      const audience = AUDIENCES[next(3)] ?? AUDIENCES[0];
      const text = `${WORDS[next(4)]} ${WORDS[next(4)]} ${n}`;
      const id = ["now", "other", "third"][next(3)] ?? "now";
      if (next(10) === 0) await remember(harness, text, audience);
      else {
        const last = (await harness.stores.sessions.get(id, options))?.lastSeq ?? 0;
        // Some answer a turn that later ones have overtaken.
        const turnSeq = next(3) === 0 && last > 0 ? { turnSeq: 1 + next(last) } : {};
        await say(harness, text, { session: id, audience, ...turnSeq });
      }
      if (n % 3 !== 0) continue;
      const readers = AUDIENCES[next(3)] ?? AUDIENCES[0];
      const fromTurnSeq = 1 + next(12);
      const all = await harness.stores.search.search(
        { spaceId: SPACE, agentId: "ana", readers, words: WORDS, limit: 200 },
        options,
      );
      const wanted = all
        .filter((hit) => hit.sessionId !== "now" || (hit.turnSeq ?? 0) < fromTurnSeq)
        .map((hit) => hit.id);
      // Neither index moves between the two searches.
      const found = await harness.stores.search.search(
        {
          spaceId: SPACE,
          agentId: "ana",
          readers,
          words: WORDS,
          limit: 200,
          except: { sessionId: "now", fromTurnSeq },
        },
        options,
      );
      expect(found.map((hit) => hit.id).toSorted()).toEqual(wanted.toSorted());
      sizes.push(found.length);
      await harness.stores.search.indexNew(20, options);
    }
    expect(Math.min(...sizes)).toBe(0);
    expect(Math.max(...sizes)).toBeGreaterThan(30);
  });
}
