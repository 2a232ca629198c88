import { constants, setPriority } from "node:os";
import { type BackupReport, displayPath, homeExists, loadBackup } from "../../app/index.ts";
import { type CommandContext, noHome } from "../context.ts";
import { bytesText, count, plural } from "../format/time.ts";
import { interrupted } from "../interrupted.ts";
import { abortOnSignals, createProgress } from "../progress.ts";

type Options = Readonly<Record<string, unknown>>;

/** Runs in this process, so that turns never wait for it: it reads the database beside the Troupe that serves. */
export async function backUp(context: CommandContext, options: Options, file = "."): Promise<void> {
  const { environment, output } = context;
  if (!homeExists(environment.home)) throw noHome(environment);
  const { backUpHome } = await loadBackup();
  // People who chat come first.
  setPriority(constants.priority.PRIORITY_BELOW_NORMAL);
  using stop = abortOnSignals();
  using progress = createProgress(output);
  const words = { copy: "Copying the database", pack: "Packing" } as const;
  const report = await backUpHome({
    ...{ environment, to: file, withMasterKey: options.withMasterKey === true, signal: stop.signal },
    onProgress: (phase, share) => progress.tell(words[phase], share),
  }).catch((error: unknown) => {
    throw interrupted(stop.signal, error, "Nothing was written.");
  });
  progress[Symbol.dispose]();
  const { manifest, ...rest } = report;
  output.result({ ...rest, ...manifest }, () => formatBackup(report));
}

export function formatBackup({ file, bytes, manifest }: BackupReport): string {
  const { store, files, leftOut, masterKey } = manifest;
  const lines = [`${displayPath(file)}  ${bytesText(bytes)}, ${plural(files.length, "file")}, checked.`];
  if (store.kind === "sqlite") {
    const { messages = 0, sessions = 0, memories = 0, secrets = 0 } = store.rows;
    lines.push(
      `It holds ${plural(messages, "message")} in ${plural(sessions, "conversation")}, and ${plural(memories, "memory", "memories")}.`,
    );
    if (secrets > 0 && !masterKey) {
      lines.push(
        `Its ${secrets === 1 ? "secret is" : `${count(secrets)} secrets are`} sealed; the master key is not in it. Keep master.key elsewhere.`,
      );
    }
  } else if (store.kind === "none") {
    lines.push("It holds the settings and agents; this home has no database yet.");
  } else {
    lines.push(
      `The database is not in it: it is a server's (${store.scheme}). Use the server's own tool, such as pg_dump.`,
    );
  }
  if (masterKey) lines.push("The master key is in it: whoever has this file can read every secret.");
  if (leftOut.length > 0)
    lines.push(`Not in it, since settings take secrets from there: ${leftOut.join(", ")}.`);
  return lines.join("\n");
}
