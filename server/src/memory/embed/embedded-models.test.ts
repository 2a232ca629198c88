import type { EmbeddingModel } from "@troupe/contracts";
import { describe, expect, test } from "vitest";
import { loadMeaning } from "../storylines/index.ts";
import { createEmbeddedModels } from "./embedded-models.ts";
import { createWordVectors } from "./word-vectors.ts";

const signal = new AbortController().signal;

function modelOf(modelId: string): EmbeddingModel {
  const model = createEmbeddedModels().embedding(modelId);
  if (model === undefined) throw new Error(`There is no ${modelId}.`);
  return model;
}

async function vectorsOf(model: EmbeddingModel, ...texts: string[]): Promise<readonly Float32Array[]> {
  return (await model.embed({ texts }, { signal })).vectors;
}

async function likeness(model: EmbeddingModel, one: string, other: string): Promise<number> {
  const [left, right] = await vectorsOf(model, one, other);
  return left?.reduce((sum, value, at) => sum + value * (right?.[at] ?? 0), 0) ?? Number.NaN;
}

describe("words-128", () => {
  const model = modelOf("words-128");

  test("finds texts of one meaning alike that share no word", async () => {
    const told = [
      "We adopted a puppy",
      "Dinner was pasta and salad",
      "The doctor prescribed tablets",
      "My salary rose",
    ];
    const nearest = async (question: string) => {
      const scores = await Promise.all(told.map((text) => likeness(model, question, text)));
      return told[scores.indexOf(Math.max(...scores))];
    };

    expect(await nearest("Does she have a dog?")).toBe(told[0]);
    expect(await nearest("What did he eat?")).toBe(told[1]);
    expect(await nearest("Which medicine did I get?")).toBe(told[2]);
    expect(await nearest("How much money do you earn?")).toBe(told[3]);
  });

  test("lets frequent words count little: the subject decides", async () => {
    const same = await likeness(model, "What did you do with the guitar?", "the guitar");
    const other = await likeness(model, "What did you do with the guitar?", "What did you do with the soup?");

    expect(same).toBeGreaterThan(other);
  });

  test("takes a form that the table lacks for its word, and never falls over apostrophes or marks", async () => {
    expect(await likeness(model, "guitarist's", "guitarist")).toBeGreaterThan(0.99);
    expect(await likeness(model, "the gui’s", "the gui's")).toBeCloseTo(1, 5);
  });

  test("knows words of other languages by their letters: forms of one are alike, others are not", async () => {
    const alike = await likeness(model, "Купив велосипед для доньки", "велосипеди доньок");
    const apart = await likeness(model, "Купив велосипед для доньки", "Вечеря у бабусі");

    expect(alike).toBeGreaterThan(0.4);
    expect(apart).toBeLessThan(0.25);
  });

  test("gives vectors as long as 1, and zeros for a text without words", async () => {
    const [some, none, empty] = await vectorsOf(model, "Hello there", "… !!! 🎉", "");

    expect(some?.length).toBe(128);
    expect(Math.hypot(...(some ?? []))).toBeCloseTo(1, 5);
    expect([none?.every((value) => value === 0), empty?.every((value) => value === 0)]).toEqual([true, true]);
  });

  test("gives the same numbers always: vectors are kept with the model's id", async () => {
    const [hashed] = await vectorsOf(modelOf("hash-256"), "along the river");
    const [english, ukrainian] = await vectorsOf(model, "We walked along the river.", "Ми йшли вздовж ріки");

    expect(firstOf(english)).toEqual(["0.293", "0.032", "0.319"]);
    expect(firstOf(ukrainian)).toEqual(["0.030", "0.086", "0.003"]);
    expect(firstOf(hashed)).toEqual(["0.517", "0.172", "0.043"]);
  });

  test("gives shorter vectors that still tell texts apart, and refuses longer ones", async () => {
    const texts = ["My cat is ill.", "A sick kitten", "Quarterly profits"];
    const { vectors } = await model.embed({ texts, dimensions: 64 }, { signal });
    const [cat, kitten, bank] = vectors;
    const dot = (one?: Float32Array, other?: Float32Array) =>
      one?.reduce((sum, value, at) => sum + value * (other?.[at] ?? 0), 0) ?? 0;

    expect(vectors.map((vector) => vector.length)).toEqual([64, 64, 64]);
    expect(dot(cat, kitten)).toBeGreaterThan(dot(cat, bank) + 0.3);
    await expect(model.embed({ texts, dimensions: 256 }, { signal })).rejects.toMatchObject({
      code: "model.rejected",
    });
  });
});

describe("hash-256", () => {
  const model = modelOf("hash-256");

  test("finds forms of the same words alike, in any script", async () => {
    expect(await likeness(model, "She planted tomatoes", "planting a tomato")).toBeGreaterThan(0.4);
    expect(await likeness(model, "садила помідори", "посадити помідор")).toBeGreaterThan(0.3);
    expect(await likeness(model, "昨日は東京で友達と食べました", "東京の友達")).toBeGreaterThan(0.2);
    expect(await likeness(model, "садила помідори", "літак до Києва")).toBeLessThan(0.2);
  });

  test("gives vectors of 256 numbers as long as 1, or shorter ones", async () => {
    const { vectors } = await model.embed({ texts: ["tomato", "..."], dimensions: 64 }, { signal });

    expect((await vectorsOf(model, "tomato")).map((vector) => vector.length)).toEqual([256]);
    expect(vectors.map((vector) => Math.round(Math.hypot(...vector) * 1e5) / 1e5)).toEqual([1, 0]);
  });
});

test("nothing is read before the first call, and the table once however many ask at the same time", async () => {
  const loads: unknown[] = [];
  const source = createEmbeddedModels({
    wordVectors: createWordVectors({ onLoad: (loaded) => loads.push(loaded) }),
  });
  const model = source.embedding("words-128");
  await source.embedding("hash-256")?.embed({ texts: ["x"] }, { signal });
  const before = [...loads];

  await Promise.all(["a", "b", "c"].map((text) => model?.embed({ texts: [text] }, { signal })));

  expect(before).toEqual([]);
  expect(loads).toEqual([{ modelId: "words-128", bytes: expect.any(Number) }]);
});

test("a table that is not there is told in one sentence, and asked for again by the next call", async () => {
  const wordVectors = createWordVectors({ table: new URL("file:///nowhere/words.bin") });
  const model = createEmbeddedModels({ wordVectors }).embedding("words-128");
  const asked = () => model?.embed({ texts: ["a"] }, { signal });

  await expect(asked()).rejects.toMatchObject({ code: "model.unavailable" });
  await expect(asked()).rejects.toThrow(/word vectors of "embedded\/words-128" cannot be read.*Install/);
});

test("what compares messages reads the table that the models have read no second time", async () => {
  const loads: unknown[] = [];
  const wordVectors = createWordVectors({ onLoad: (loaded) => loads.push(loaded) });
  const model = createEmbeddedModels({ wordVectors }).embedding("words-128");

  const [meaningOf, embeddings] = await Promise.all([
    loadMeaning(wordVectors),
    model?.embed({ texts: ["tomato"] }, { signal }),
  ]);

  expect(loads).toHaveLength(1);
  expect(meaningOf("tomato")).toEqual(embeddings?.vectors[0]);
});

test("a call that is no longer wanted ends with the signal's reason", async () => {
  const reason = new Error("left");
  for (const modelId of ["words-128", "hash-256"]) {
    await expect(
      modelOf(modelId).embed({ texts: ["a"] }, { signal: AbortSignal.abort(reason) }),
    ).rejects.toBe(reason);
  }
});

function firstOf(vector: Float32Array | undefined): readonly string[] {
  return [...(vector ?? [])]
    .filter((value) => value !== 0)
    .slice(0, 3)
    .map((value) => value.toFixed(3));
}
