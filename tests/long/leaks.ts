// Runs many talks of made people, or one of them, and looks whether anybody reads what they do not know.
//   npm run leaks -- --seed 42                                one talk
//   npm run leaks -- --from 1 --count 100 --state FILE        many; what FILE says is done is not done again
//   npm run leaks -- --store postgres --count 5               the same on a real PostgreSQL server
//   npm run leaks -- --people 300 --groups 100 --deeds 3000   how many there are, and how much they do
import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { createTalking, describeLeaks, type TalkSize } from "../leaks/talk.ts";

interface State {
  readonly version: 1;
  readonly size: TalkSize;
  /** Seeds that are done. */
  readonly done: number[];
  readonly totals: Record<string, number>;
  readonly failures: { readonly seed: number; readonly text: string }[];
}

/** Each kind of talk in turn: crowds that hardly know each other, and few people in circles that change. */
const FEW_SHARE = 15;

function readState(path: string | undefined, size: TalkSize): State {
  if (path === undefined || !existsSync(path))
    return { version: 1, size, done: [], totals: {}, failures: [] };
  const state = JSON.parse(readFileSync(path, "utf8")) as State;
  if (state.version !== 1 || JSON.stringify(state.size) !== JSON.stringify(size))
    throw new Error(`${path} is of talks of another size or version. Give another --state.`);
  return state;
}

function keepState(path: string | undefined, state: State): void {
  if (path === undefined) return;
  writeFileSync(`${path}.new`, `${JSON.stringify(state, undefined, 2)}\n`);
  renameSync(`${path}.new`, path);
}

function sizeOf(seed: number, { people, groups, deeds }: TalkSize): TalkSize {
  if (seed % 2 === 1) return { people, groups, deeds };
  return {
    people: Math.max(6, Math.ceil(people / FEW_SHARE)),
    groups: Math.max(6, Math.ceil(groups / 6)),
    deeds,
  };
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      seed: { type: "string" },
      from: { type: "string", default: "1" },
      count: { type: "string", default: "20" },
      state: { type: "string" },
      store: { type: "string", default: "sqlite" },
      people: { type: "string", default: "300" },
      groups: { type: "string", default: "100" },
      deeds: { type: "string", default: "3000" },
    },
  });
  if (values.store !== "sqlite" && values.store !== "postgres")
    throw new Error(`--store is "${values.store}". Give sqlite or postgres.`);
  const size = {
    people: Number(values.people),
    groups: Number(values.groups),
    deeds: Number(values.deeds),
  };
  const from = Number(values.seed ?? values.from);
  const to = values.seed === undefined ? from + Number(values.count) : from + 1;
  const state = readState(values.state, size);
  await using talking = createTalking(values.store);
  for (let seed = from; seed < to; seed++) {
    if (state.done.includes(seed)) continue;
    const result = await talking.run(seed, sizeOf(seed, size));
    for (const [name, count] of Object.entries(result.counts))
      state.totals[name] = (state.totals[name] ?? 0) + count;
    if (result.leaks.length > 0 || result.troubles.length > 0) {
      const text = [describeLeaks(result), ...result.troubles.slice(0, 10)].join("\n");
      state.failures.push({ seed, text });
      console.log(text);
    }
    state.done.push(seed);
    keepState(values.state, state);
    if (process.stderr.isTTY)
      process.stderr.write(`\r${state.done.length} talks, ${state.failures.length} failed `);
  }
  const { secrets = 0, seen = 0, prompts = 0, replies = 0, leaks = 0 } = state.totals;
  console.log(
    `${state.done.length} talks: ${secrets} secrets, seen ${seen} times by those who know them in ${prompts} prompts and ${replies} replies.`,
  );
  console.log(
    state.failures.length === 0
      ? "Nobody read what they do not know."
      : `${leaks} leaks. Seeds that failed: ${state.failures.map(({ seed }) => seed).join(" ")}`,
  );
  process.exitCode = state.failures.length === 0 ? 0 : 1;
}

await main();
