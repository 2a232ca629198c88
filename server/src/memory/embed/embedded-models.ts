import { type EmbeddingModel, type EmbeddingSource, type Embeddings, TroupeError } from "@troupe/contracts";
import { estimateTokens, untilAborted } from "../../kit/index.ts";
import type { WordTable } from "./word-table.ts";
import { createWordVectors, WORDS_MODEL, type WordVectors } from "./word-vectors.ts";

const PROVIDER = "embedded";
const HASH_MODEL = "hash-256";
const MODEL_IDS = [WORDS_MODEL, HASH_MODEL] as const;
const DIMENSIONS = { [WORDS_MODEL]: 128, [HASH_MODEL]: 256 } as const;
/** A call keeps the thread to itself for some milliseconds at most. */
const MAX_TEXTS = 128;

export interface EmbeddedModelsDeps {
  /** Default: the table that ships with Troupe, for these models alone. */
  readonly wordVectors?: WordVectors;
}

/**
 * The embedding models that ship with Troupe. `words-128` sums vectors of English words and takes unknown words, such as those
 * of other languages, by their letters; `hash-256` takes all words so and reads no file. The same text gives the same
 * numbers on every machine. Nothing is read before the first call of `words-128`.
 */
export function createEmbeddedModels(deps: EmbeddedModelsDeps = {}): EmbeddingSource {
  const { wordVectors = createWordVectors() } = deps;
  let loading: Promise<Embed> | undefined;
  const words = (): Promise<Embed> => {
    loading ??= loadWords(wordVectors).catch((error: unknown) => {
      loading = undefined;
      throw error;
    });
    return loading;
  };
  return {
    provider: PROVIDER,
    modelIds: MODEL_IDS,
    embedding(modelId) {
      if (modelId === WORDS_MODEL) return createModel(modelId, words);
      return modelId === HASH_MODEL ? createModel(modelId, loadHashes) : undefined;
    },
  };
}

type Embed = (text: string, dimensions: number) => Float32Array;

/** Modules too are loaded with the first text: most processes embed nothing by them. */
async function loadHashes(): Promise<Embed> {
  const { embedByHashes, folded } = await import("./embed-hashes.ts");
  return (text, dimensions) => {
    const vector = embedByHashes(text);
    return dimensions === vector.length ? vector : folded(vector, dimensions);
  };
}

async function loadWords(wordVectors: WordVectors): Promise<Embed> {
  const { embedByWords } = await import("./embed-words.ts");
  const { toUnit } = await import("./word-features.ts");
  const table = await tableOf(wordVectors);
  return (text, dimensions) => {
    const vector = embedByWords(table, text);
    // Its numbers stand by how much they tell, so the first of them are a vector of their own.
    return dimensions === vector.length ? vector : toUnit(vector.slice(0, dimensions));
  };
}

async function tableOf(wordVectors: WordVectors): Promise<WordTable> {
  try {
    return await wordVectors();
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new TroupeError(
      `The word vectors of "${PROVIDER}/${WORDS_MODEL}" cannot be read. ${why} Install Troupe again.`,
      { code: "model.unavailable", cause: error },
    );
  }
}

function createModel(modelId: keyof typeof DIMENSIONS, load: () => Promise<Embed>): EmbeddingModel {
  const most = DIMENSIONS[modelId];
  return {
    provider: PROVIDER,
    modelId,
    maxTexts: MAX_TEXTS,
    async embed({ texts, dimensions = most }, { signal }): Promise<Embeddings> {
      signal.throwIfAborted();
      if (texts.length === 0 || texts.length > MAX_TEXTS) {
        const message = `An embedding model was asked for ${texts.length} texts; 1 to ${MAX_TEXTS} are taken.`;
        throw new TroupeError(message, { code: "internal" });
      }
      if (!Number.isInteger(dimensions) || dimensions < 1 || dimensions > most) {
        const message = `The model "${PROVIDER}/${modelId}" makes vectors of 1 to ${most} numbers, not of ${dimensions}.`;
        throw new TroupeError(message, { code: "model.rejected" });
      }
      const inputTokens = texts.reduce((sum, text) => sum + estimateTokens(text), 0);
      const embed = await untilAborted(load(), signal);
      return {
        vectors: texts.map((text) => embed(text, dimensions)),
        usage: { inputTokens, cachedInputTokens: 0, outputTokens: 0 },
        estimated: true,
      };
    },
  };
}
