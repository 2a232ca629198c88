import { rename } from "node:fs/promises";
import { TroupeError } from "@troupe/contracts";

export interface Move {
  readonly from: string;
  readonly to: string;
}

/**
 * Renames one after the other. Where one fails, those before it are taken back, and it rejects with what the system said.
 * Rejects with `store.failed`, naming what to move by hand, where even that is not possible.
 */
export async function renameAll(moves: readonly Move[]): Promise<void> {
  const done: Move[] = [];
  try {
    for (const move of moves) {
      await rename(move.from, move.to);
      done.unshift(move);
    }
  } catch (error) {
    const stuck = await takeBack(done);
    if (stuck.length === 0) throw error;
    const byHand = stuck.map(({ from, to }) => `mv ${to} ${from}`).join(" && ");
    throw new TroupeError(`Something stopped half way and cannot be taken back. By hand: ${byHand}`, {
      code: "store.failed",
      cause: error,
    });
  }
}

/** What could not be taken back. */
async function takeBack(done: readonly Move[]): Promise<readonly Move[]> {
  const stuck: Move[] = [];
  for (const move of done) await rename(move.to, move.from).catch(() => stuck.push(move));
  return stuck;
}
