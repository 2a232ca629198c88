import { join } from "node:path";
import { type CallOptions, type EffectHandler, type Logger, TroupeError } from "@troupe/contracts";
import { changed } from "./change.ts";
import { writeOwnFile } from "./own-files.ts";
import { isOwnFile } from "./places.ts";
import { isWhole, readText } from "./read-text.ts";
import type { Versions } from "./versions.ts";

export const WRITE_EFFECT = "workspace.write";
export const WRITE_VERSION = 1;

export interface WritePayload {
  readonly agentId: string;
  /** From the agent's folder. */
  readonly file: string;
  readonly text: string;
  readonly replaces?: string;
}

export interface WriteHandlerDeps {
  readonly folder: string;
  readonly logger: Logger;
  readonly versions: Versions;
}

/**
 * Writes what an agent asked for into its file as it is by then, and keeps a version: first of what was changed by hand, then of this.
 * Repeated it changes nothing. Versions that cannot be kept hold up no writing.
 */
export function createWriteHandler(deps: WriteHandlerDeps): EffectHandler {
  return {
    kind: WRITE_EFFECT,
    versions: [WRITE_VERSION],
    retry: { maxAttempts: 4 },
    async handle({ payload, turnId }, options) {
      const change = payload as unknown as WritePayload;
      if (!isOwnFile(change.file))
        throw new TroupeError(`"${change.file}" is no file of an agent's folder.`, {
          code: "request.invalid",
        });
      await deps.versions.alone(change.agentId, () => write(deps, change, turnId, options));
      return [];
    },
  };
}

async function write(
  deps: WriteHandlerDeps,
  { agentId, file, text, replaces }: WritePayload,
  turnId: string,
  options: CallOptions,
): Promise<void> {
  const workspace = join(deps.folder, agentId);
  const keep = (reasons = {}): Promise<void> =>
    deps.versions.keep(agentId, options, reasons).then(
      () => undefined,
      (error: unknown) => {
        options.signal.throwIfAborted();
        deps.logger.warn("workspace.no_versions", { agent: agentId, error });
      },
    );
  await keep();
  const read = await readText(join(workspace, file));
  if (read.kind === "text" && !isWhole(read))
    throw new TroupeError(`${join(workspace, file)} is too long, or no text in UTF-8, to be changed.`, {
      code: "request.invalid",
    });
  const content = read.kind === "text" ? read.text : "";
  // A passage that somebody changed since: both stay, and the history tells.
  const outcome =
    changed(content, { text, ...(replaces === undefined ? {} : { replaces }) }) ?? changed(content, { text });
  if (outcome === undefined || outcome === content) return;
  await writeOwnFile(workspace, file, outcome);
  deps.logger.info("workspace.written", { agent: agentId, file, turnId });
  await keep({ [file]: `Written by ${agentId}: ${file} (turn ${turnId})` });
}
