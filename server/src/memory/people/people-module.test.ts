import type { Acquaintance, MemoryRecord, Message, PeerProfile, TurnView } from "@troupe/contracts";
import { expect, it } from "vitest";
import { familiarityOf } from "./familiarity.ts";
import { createPeopleModule } from "./people-module.ts";

const options = { signal: new AbortController().signal };
const DAY = 24 * 60 * 60_000;

function setUp(
  of: {
    readonly records?: readonly Partial<MemoryRecord>[];
    readonly profiles?: readonly PeerProfile[];
    readonly talks?: readonly Acquaintance[];
    readonly said?: readonly Partial<Message>[];
    names?: readonly string[];
  } = {},
) {
  let records = (of.records ?? []).map(
    (one, n) =>
      ({ id: `r${n}`, salience: 0.5, proofCount: 1, attributes: {}, text: "", ...one }) as MemoryRecord,
  );
  let reads = 0;
  const module = createPeopleModule({
    persons: { profiles: async () => of.profiles ?? [], acquaintances: async () => of.talks ?? [] },
    memories: {
      list: async () => {
        reads += 1;
        return { items: records };
      },
      find: async ({ ids }) => records.filter(({ id }) => ids.includes(id)),
    },
    sessions: { messages: async () => ({ items: (of.said ?? []) as Message[] }) },
    people: { namesOf: (_space, name) => of.names ?? [name] },
  });
  const ask = (audience: readonly string[], told?: Awaited<ReturnType<NonNullable<typeof module.aware>>>) => {
    const view = {
      spaceId: "default",
      sessionId: "s",
      audience,
      inbound: [],
      agent: { spec: { id: "ana" } },
    };
    return module.aware?.(view as unknown as TurnView, options, told);
  };
  return { ask, reads: () => reads, forget: () => (records = []) };
}

const relation = (person: string, what: string, more: object = {}): Partial<MemoryRecord> => ({
  text: `${person} is my ${what}.`,
  attributes: { person, relation: what, ...more },
});

it("says nothing of a stranger of whom nothing is known", async () => {
  expect((await setUp().ask(["api/zoe"]))?.text).toBe("");
});

it("tells who alone reads, since when, what others are to them and what those can be asked about", async () => {
  const { ask } = setUp({
    records: [
      relation("Olha", "sister"),
      { text: "Olha knows about taxes.", attributes: { person: "olha", knows: "taxes" } },
      { text: "I know a lot about maps.", attributes: { knows: "maps" } },
      { text: "Max and Ann are neighbours." },
    ],
    profiles: [{ spaceId: "default", name: "north/zoe", shownName: "Zoe", since: 1 }],
    talks: [{ name: "north/zoe", agentId: "ana", sessions: 1, messages: 200, firstAt: 0, lastAt: 9 * DAY }],
    names: ["north/zoe", "south/7"],
  });

  expect((await ask(["north/zoe"]))?.text.split("\n")).toEqual([
    "Whom you talk with, and what is known of people, for reference only:",
    "Zoe is north/zoe, also south/7: you know each other well, since 1970-01-01.",
    "Olha: their sister; knows about taxes.",
    "They say: I know a lot about maps.",
    "Max and Ann are neighbours.",
  ]);
});

it("tells in a group who spoke and still reads it, by name, and whose relations they are", async () => {
  const { ask } = setUp({
    records: [relation("Olha", "sister", { speaker: "north/petro" })],
    said: [
      { author: { peerId: "north/petro", name: "Petro" } },
      { author: { peerId: "north/gone", name: "Gone" } },
      { author: { peerId: "north/ann", name: "Ann" } },
      { author: { peerId: "north/petro", name: "Petro" } },
      {},
    ],
  });

  const told = await ask(["north/ann", "north/petro", "north/quiet"]);

  expect(told?.text).toContain(
    "In this conversation: Ann (north/ann), Petro (north/petro), and 1 more who read it.",
  );
  expect(told?.text).toContain("Olha: Petro's sister.");
  expect(told?.text).not.toContain("Gone");
  expect(told?.sources).toEqual([{ kind: "memory", id: "r0" }]);
});

it("stands while all of it is known and the names are the same, and is made anew otherwise", async () => {
  const of = { records: [relation("Olha", "sister")], names: ["north/zoe"] };
  const { ask, forget } = setUp(of);
  const told = await ask(["north/zoe"]);
  expect(told?.text).toContain("Olha: their sister.");

  expect(await ask(["north/zoe"], told)).toBeUndefined();
  of.names = ["north/zoe", "south/7"];
  expect((await ask(["north/zoe"], told))?.text).toContain("also south/7");
  of.names = ["north/zoe"];
  forget();
  expect((await ask(["north/zoe"], told))?.text).toBe("");
});

it("keeps within its budget, and tells what matters most", async () => {
  const long = "word ".repeat(60);
  const records = Array.from({ length: 40 }, (_, n) => relation(`P${n}`, long, { n }));
  const { ask } = setUp({ records: [...records, { ...relation("Olha", "sister"), salience: 0.9 }] });

  const told = await ask(["north/zoe"]);

  expect(told?.text).toContain("Olha: their sister.");
  expect((told?.text ?? "").length).toBeLessThan(1_500);
});

it("familiarity is arithmetic over messages and days", () => {
  const level = (messages: number, days: number) =>
    familiarityOf([{ messages, firstAt: 0, lastAt: days * DAY }]).level;

  expect([
    level(9, 9),
    level(10, 0),
    level(100, 6),
    level(100, 7),
    level(5_000, 59),
    level(1_000, 60),
  ]).toEqual(["new", "known", "known", "familiar", "familiar", "close"]);
  expect(familiarityOf([]).level).toBe("new");
});
