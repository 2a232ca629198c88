import type { Page, Turn, TurnState } from "@troupe/contracts";
import type { CommandContext } from "../context.ts";
import { formatTurns } from "../format/lists.ts";
import { formatPrompt, promptOf } from "../format/prompt.ts";
import { formatTurnChain, type TurnLife } from "../format/turn-chain.ts";
import { withMore } from "../output.ts";
import { pageOf, queryOf } from "./query.ts";

type Options = Readonly<Record<string, unknown>>;

export async function listTurns({ connect, output }: CommandContext, options: Options): Promise<void> {
  const query = queryOf({ ...pageOf(options), state: options.state, session: options.session });
  await using client = await connect({ command: "turn list" });
  const page = await client.call<Page<Turn>>("GET", `/api/turns${query}`);
  output.result(page, () => withMore(formatTurns(page.items, Date.now(), output.paint), page.next));
}

export async function showTurn(
  { connect, output }: CommandContext,
  options: Options,
  id: string,
): Promise<void> {
  await using client = await connect({ command: "turn show" });
  const life = await client.call<TurnLife>("GET", `/api/turns/${encodeURIComponent(id)}`);
  if (options.prompt === true) {
    const prompt = promptOf(life.turn);
    output.result(prompt, () => formatPrompt(prompt, output.paint));
    return;
  }
  output.result(life, () => formatTurnChain(life, output.paint));
}

export async function cancelTurn({ connect, output }: CommandContext, id: string): Promise<void> {
  await using client = await connect({ command: "turn cancel" });
  const path = `/api/turns/${encodeURIComponent(id)}/cancel`;
  const answer = await client.call<{ readonly result: string; readonly state: TurnState }>("POST", path, {});
  const words: Readonly<Record<string, string>> = {
    cancelled: `Turn ${id} is cancelled.`,
    requested: `Turn ${id} was asked to stop.`,
    ended: `Turn ${id} had ended already: ${answer.state}.`,
  };
  output.result(answer, () => words[answer.result] ?? answer.result);
}
