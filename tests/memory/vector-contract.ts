import type { MemoryRecord } from "@troupe/contracts";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ask, MODEL, options, remember, SPACE, type VectorStage } from "./vector-stage.ts";

/** What every way of searching by meaning does, wherever its index is. */
export function vectorSearchContract(name: string, open: () => Promise<VectorStage>): void {
  describe(`searching by meaning ${name}`, () => {
    let stage: VectorStage;
    beforeEach(async () => {
      stage = await open();
    });
    afterEach(() => stage.close());

    it("what was told is found by its meaning once it was embedded, and what is new by the next search", async () => {
      await remember(stage, "puppy", "We adopted a puppy");
      await remember(stage, "pasta", "Dinner was pasta and salad");
      const before = await ask(stage, "Does she have a dog?");
      await stage.filler.flush(options);
      const [first] = await ask(stage, "Does she have a dog?");
      await remember(stage, "doctor", "The doctor prescribed tablets");
      await stage.filler.flush(options);

      expect([before, first]).toEqual([[], "puppy"]);
      expect((await ask(stage, "Which medicine did I get?"))[0]).toBe("doctor");
    });

    it("nothing is found that a reader does not know, among hundreds of people and groups", async () => {
      const known = new Map<string, readonly string[]>();
      for (let n = 0; n < 400; n++) {
        const audience = [`p${n % 97}`, `p${(n * 7) % 89}`, ...(n % 5 === 0 ? [`p${(n * 3) % 61}`] : [])];
        const [agentId, spaceId] = [n % 11 === 0 ? "bob" : "ana", n % 13 === 0 ? "other" : SPACE];
        known.set(`m${n}`, agentId === "ana" && spaceId === SPACE ? audience : []);
        await remember(stage, `m${n}`, `Secret ${n} about the garden`, { audience, agentId, spaceId });
      }
      await stage.filler.flush(options);

      for (let n = 0; n < 97; n++) {
        for (const readers of [
          [`p${n}`],
          [`p${n}`, `p${(n * 7) % 89}`],
          [`p${n}`, `p${n + 1}`, `p${n + 2}`],
        ]) {
          const due = [...known].filter(([, audience]) =>
            readers.every((reader) => audience.includes(reader)),
          );
          const found = await ask(stage, "the garden", readers, 400);
          expect(found.toSorted()).toEqual(due.map(([id]) => id).toSorted());
        }
      }
      expect(await ask(stage, "the garden", [])).toEqual([]);
    });

    it("what is forgotten is found no more, at once", async () => {
      await remember(stage, "puppy", "We adopted a puppy");
      await remember(stage, "kitten", "We adopted a kitten");
      await stage.filler.flush(options);
      const before = await ask(stage, "a puppy");

      const closing = { spaceId: SPACE, id: "puppy", at: 5, reason: "forgotten" } as const;
      await stage.stores.unit.commit([stage.stores.memories.close(closing)], options);
      const after = await ask(stage, "a puppy");
      await stage.stores.unit.commit([stage.stores.memories.erase(SPACE, "kitten")], options);

      expect([before, after, await ask(stage, "a puppy")]).toEqual([["puppy", "kitten"], ["kitten"], []]);
      expect(await stage.stores.vectors.counts(SPACE, options)).toEqual([
        { model: MODEL, dimensions: 128, count: 1 },
      ]);
    });

    it("what is brought back is found again in a process that met it while it was closed, embedded before or not", async () => {
      const close = async (id: string) => {
        await stage.stores.unit.commit(
          [stage.stores.memories.close({ spaceId: SPACE, id, at: 5, reason: "forgotten" })],
          options,
        );
        const of = { spaceId: SPACE, readers: undefined, ids: [id], includeClosed: true };
        return (await stage.stores.memories.find(of, options))[0] as MemoryRecord;
      };
      await remember(stage, "puppy", "We adopted a puppy");
      await remember(stage, "pasta", "Dinner was pasta and salad");
      await stage.filler.flush(options);
      const puppy = await close("puppy");
      await remember(stage, "doctor", "The doctor prescribed tablets");
      const doctor = await close("doctor");
      await remember(stage, "tea", "I like tea");
      await stage.filler.flush(options);
      const closed = [
        await ask(stage, "a puppy", ["kate"], 9),
        await ask(stage, "Which medicine did I get?", ["kate"], 9),
      ];

      await stage.stores.unit.commit(
        [stage.stores.memories.reopen(puppy), stage.stores.memories.reopen(doctor)],
        options,
      );
      await stage.catchUp();
      const [first] = await ask(stage, "a puppy");
      await stage.filler.flush(options);

      expect(closed.flat()).not.toContain("puppy");
      expect([first, (await ask(stage, "Which medicine did I get?"))[0]]).toEqual(["puppy", "doctor"]);
      expect((await ask(stage, "anything", ["kate"], 9)).toSorted()).toEqual([
        "doctor",
        "pasta",
        "puppy",
        "tea",
      ]);
    });

    it("what is there is found at once, however much of what was nearer is gone", async () => {
      for (let n = 0; n < 150; n++) await remember(stage, `old${n}`, `Puppy number ${n}`);
      await remember(stage, "left", "We adopted a kitten");
      await stage.filler.flush(options);
      await ask(stage, "a puppy");
      await stage.stores.unit.commit(
        Array.from({ length: 150 }, (_, n) => stage.stores.memories.erase(SPACE, `old${n}`)),
        options,
      );

      expect(await ask(stage, "a puppy")).toEqual(["left"]);
    });

    it("another model finds nothing until it has embedded all anew, and never compares with the old vectors", async () => {
      await remember(stage, "puppy", "We adopted a puppy");
      await stage.filler.flush(options);

      stage.model = "embedded/hash-256";
      const before = await ask(stage, "puppies");
      await stage.filler.flush(options);
      const after = await ask(stage, "puppies");
      stage.model = MODEL;

      expect([before, after, await ask(stage, "puppies")]).toEqual([[], ["puppy"], ["puppy"]]);
    });
  });
}
