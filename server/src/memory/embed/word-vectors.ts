import { readFile } from "node:fs/promises";
import type { WordTable } from "./word-table.ts";

/** Gives the table, read by the first call. Rejects where it is damaged or not there; the next call reads it again then. */
export type WordVectors = () => Promise<WordTable>;

export interface WordVectorsDeps {
  /** Told once, when the table has been read. */
  readonly onLoad?: (loaded: { readonly modelId: string; readonly bytes: number }) => void;
  /** Default: the table that ships with Troupe. */
  readonly table?: URL;
}

/** Of the model that the table is, as the lists of embedding models name it. */
export const WORDS_MODEL = "words-128";

const TABLE = new URL("../../../assets/embeddings/words-128.bin", import.meta.url);

/** The word vectors that ship with Troupe: 3.5 MB, so one for all of a process that compare texts by them. */
export function createWordVectors({ table = TABLE, onLoad }: WordVectorsDeps = {}): WordVectors {
  let loading: Promise<WordTable> | undefined;
  const load = async (): Promise<WordTable> => {
    // Its module too is loaded with the first text: most commands compare none.
    const { readWordTable } = await import("./word-table.ts");
    const words = readWordTable(await readFile(table));
    onLoad?.({ modelId: WORDS_MODEL, bytes: words.bytes });
    return words;
  };
  return () => {
    loading ??= load().catch((error: unknown) => {
      loading = undefined;
      throw error;
    });
    return loading;
  };
}
