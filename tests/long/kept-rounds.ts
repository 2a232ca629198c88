// Rounds of a long run, kept in a file, so that it may be stopped and gone on with.
import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";

interface State<Round> {
  readonly version: 1;
  /** Which run it is of; absent in files from before there were several. */
  readonly lane?: string;
  readonly rounds: Round[];
}

export interface KeptRounds<Round> {
  readonly rounds: readonly Round[];
  add(round: Round): void;
}

/** Without a path nothing is kept. Throws where the file is of something else. */
export function openRounds<Round>(path: string | undefined, lane: string): KeptRounds<Round> {
  const state = read<Round>(path, lane);
  return {
    rounds: state.rounds,
    add(round) {
      state.rounds.push(round);
      if (path === undefined) return;
      writeFileSync(`${path}.new`, `${JSON.stringify(state, undefined, 2)}\n`);
      renameSync(`${path}.new`, path);
    },
  };
}

function read<Round>(path: string | undefined, lane: string): State<Round> {
  if (path === undefined || !existsSync(path)) return { version: 1, lane, rounds: [] };
  const state = JSON.parse(readFileSync(path, "utf8")) as State<Round>;
  if (state.version !== 1) throw new Error(`${path} was written by another version. Give another --state.`);
  const kept = state.lane ?? "single";
  if (kept !== lane)
    throw new Error(`${path} holds rounds of the run "${kept}", not "${lane}". Give another --state.`);
  return state;
}
