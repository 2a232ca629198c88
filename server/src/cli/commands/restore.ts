import { resolve } from "node:path";
import { displayPath, loadRestore, type RestoreReport } from "../../app/index.ts";
import type { CommandContext } from "../context.ts";
import { dateTime, plural } from "../format/time.ts";
import { interrupted } from "../interrupted.ts";
import { abortOnSignals, createProgress } from "../progress.ts";

type Options = Readonly<Record<string, unknown>>;

export async function restore(context: CommandContext, options: Options, file: string): Promise<void> {
  const { output } = context;
  const home = typeof options.home === "string" ? resolve(options.home) : context.environment.home;
  const environment = { ...context.environment, home };
  const { restoreHome } = await loadRestore();
  using stop = abortOnSignals();
  using progress = createProgress(output);
  const report = await restoreHome({
    ...{ environment, file: resolve(file), force: options.force === true, signal: stop.signal },
    onProgress: (share) => progress.tell("Unpacking", share),
  }).catch((error: unknown) => {
    throw interrupted(stop.signal, error, "The home is as it was.");
  });
  progress[Symbol.dispose]();
  output.result(report, () => formatRestore(report));
}

export function formatRestore({ home, manifest, setAside, held, lacksMasterKey }: RestoreReport): string {
  const { store, madeAt, troupe } = manifest;
  const lines = [`${displayPath(home)} is as it was on ${dateTime(madeAt)}, made by Troupe ${troupe}.`];
  if (setAside !== undefined) lines.push(`What was there before is in ${displayPath(setAside)}.`);
  if (store.kind === "sqlite") {
    const { messages = 0, sessions = 0 } = store.rows;
    lines.push(
      `${plural(messages, "message")} in ${plural(sessions, "conversation")}; every checksum and count is right.`,
    );
  } else if (store.kind === "none") {
    lines.push("It had no database yet, so it begins with an empty one.");
  } else {
    lines.push(
      `The database is a server's (${store.scheme}) and was not in it. Restore it there, then ./troupe outbox hold before the first start.`,
    );
  }
  if (held !== undefined) {
    lines.push(
      held.waiting === 0
        ? "The outbox is held, no reply waits: ./troupe outbox release lets go what comes."
        : `The outbox is held, ${plural(held.waiting, "reply waits", "replies wait")}: ./troupe outbox list shows them, ./troupe outbox release lets them go.`,
    );
  }
  if (lacksMasterKey) {
    lines.push(
      `Its secrets are sealed with a master key that is not here: put it back as ${displayPath(home)}/master.key (chmod 600).`,
    );
  }
  return lines.join("\n");
}
