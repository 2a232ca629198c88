import type { DeadLetter, Page } from "@troupe/contracts";
import { TroupeError } from "@troupe/contracts";
import type { DeadLetterFilter, DeadLetterReport, ShownDeadLetter } from "../../app/index.ts";
import { confirm } from "../confirm.ts";
import type { CommandContext } from "../context.ts";
import { formatDeadLetter, formatDeadLetters, formatReport, questionOf } from "../format/dead-letters.ts";
import { momentOf } from "./moment.ts";
import { limitOf, queryOf } from "./query.ts";

type Options = Readonly<Record<string, unknown>>;

export async function listDeadLetters({ connect, output }: CommandContext, options: Options): Promise<void> {
  const { agentId, ...filter } = filterOf(options, Date.now());
  const query = queryOf({ ...filter, agent: agentId, limit: limitOf(options), cursor: options.cursor });
  await using client = await connect({ command: "dlq list" });
  const page = await client.call<Page<DeadLetter>>("GET", `/admin/dlq${query}`);
  output.result(page, () => formatDeadLetters(page, Date.now(), output.paint));
}

export async function showDeadLetter({ connect, output }: CommandContext, id: string): Promise<void> {
  await using client = await connect({ command: "dlq show" });
  const letter = await client.call<ShownDeadLetter>("GET", `/admin/dlq/${encodeURIComponent(id)}`);
  output.result(letter, () => formatDeadLetter(letter, output.paint));
}

export function replayDeadLetters(
  context: CommandContext,
  options: Options,
  ids: readonly string[],
): Promise<void> {
  return change(context, "replay", options, ids);
}

export function purgeDeadLetters(
  context: CommandContext,
  options: Options,
  ids: readonly string[],
): Promise<void> {
  return change(context, "purge", options, ids);
}

/**
 * Ids are taken at their word; of a filter it is counted first what it names, and asked. What fails after that count is not
 * part of the answer. Exit code 1 where one of the ids was left as it is.
 */
async function change(
  { connect, output }: CommandContext,
  what: "replay" | "purge",
  options: Options,
  ids: readonly string[],
): Promise<void> {
  const filter = filterOf(options, Date.now());
  checkChoice(what, ids, filter, options);
  const evenUnknown = options.evenUnknown === true;
  const isDry = options.dryRun === true;
  await using client = await connect({ command: `dlq ${what}` });
  const post = (dryRun: boolean, chosen: object): Promise<DeadLetterReport> =>
    client.call("POST", `/admin/dlq/${what}`, { ...chosen, dryRun, evenUnknown });
  const tell = (report: DeadLetterReport): void =>
    output.result(report, () => formatReport(what, report, client.isRunning));
  if (ids.length > 0) {
    const report = await post(isDry, { ids });
    tell(report);
    if (report.changed < ids.length) process.exitCode = 1;
    return;
  }
  const counted = await post(true, { filter });
  if (isDry || counted.changed === 0) return tell({ ...counted, isDry });
  const question = questionOf(what, counted, evenUnknown);
  if (options.yes !== true) {
    await confirm(question, {
      unasked: `${question} Nobody can be asked here. Add --yes, or --dry-run to look first.`,
      nothing: what === "replay" ? "Nothing was replayed." : "Nothing was purged.",
    });
  }
  const until = Math.min(filter.until ?? Number.POSITIVE_INFINITY, counted.at + 1);
  tell(await post(false, { filter: { ...filter, until } }));
}

function checkChoice(
  what: "replay" | "purge",
  ids: readonly string[],
  filter: DeadLetterFilter,
  options: Options,
): void {
  const hasFilter = Object.keys(filter).length > 0 || options.all === true;
  if (ids.length > 0 !== hasFilter) return;
  throw new TroupeError(
    ids.length > 0
      ? "Name ids, or a filter, and not both: an id names one whatever else it is."
      : `Say what to ${what}: ids, as ./troupe dlq list shows them, a filter such as --kind delivery, or --all.`,
    { code: "request.invalid" },
  );
}

/** Times are read once, so that what was counted is what is changed. */
function filterOf({ kind, agent, state, since, until }: Options, now: number): DeadLetterFilter {
  const filter = {
    ...{ kind, agentId: agent, state },
    since: typeof since === "string" ? momentOf(since, "--since", now) : undefined,
    until: typeof until === "string" ? momentOf(until, "--until", now) : undefined,
  };
  return Object.fromEntries(Object.entries(filter).filter(([, value]) => value !== undefined));
}
