import type { Reindexed } from "../../app/index.ts";
import type { CommandContext } from "../context.ts";
import { count } from "../format/time.ts";

type Options = Readonly<Record<string, unknown>>;

/** What was made anew, all requests together. */
interface Renewed {
  readonly indexed: number;
  readonly embedded: number;
  /** Absent where no vectors are kept, or words alone were asked for. */
  readonly model?: string | undefined;
  /** Vectors that the database's index was looked through for; absent where vectors are searched in memory. */
  readonly inDatabase?: number | undefined;
}

/** Asks for a stretch at a time; whoever stops in between goes on with the next call of the command. */
export async function reindexMemory({ connect, output }: CommandContext, options: Options): Promise<void> {
  await using client = await connect({ command: "memory reindex", work: true });
  const step = (body: object) => client.call<Reindexed>("POST", "/admin/memory/reindex", body);
  let indexed = 0;
  for (let isMore = true; isMore; ) {
    const stretch = await step({ what: "words" });
    indexed += stretch.done;
    isMore = stretch.isMore;
  }
  let embedded = 0;
  let model: string | undefined;
  for (let isMore = options.words !== true, begin = true; isMore; begin = false) {
    const stretch = await step({ what: "vectors", begin, again: options.vectors === true });
    embedded += stretch.done;
    model = stretch.model;
    isMore = stretch.isMore;
  }
  let inDatabase: number | undefined;
  for (let isMore = options.words !== true, begin = true; isMore; begin = false) {
    const stretch = await step({ what: "index", begin });
    if (stretch.model !== undefined) inDatabase = (inDatabase ?? 0) + stretch.done;
    isMore = stretch.isMore;
  }
  const renewed: Renewed = {
    ...{ indexed, embedded },
    ...(model === undefined ? {} : { model }),
    ...(inDatabase === undefined ? {} : { inDatabase }),
  };
  output.result(renewed, () => formatRenewed(renewed));
}

function formatRenewed({ indexed, embedded, model, inDatabase }: Renewed): string {
  const words = `${count(indexed)} indexed by their words`;
  if (model === undefined) return `${words}.`;
  const vectors = `${words}, ${count(embedded)} embedded by ${model}`;
  return inDatabase === undefined
    ? `${vectors}.`
    : `${vectors}, ${count(inDatabase)} in the database's index.`;
}
