import { existsSync, mkdirSync, readdirSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { TroupeError } from "@troupe/contracts";
import { nearestName } from "../kit/index.ts";
import { configError, type Environment, loadConfig, UNREAD_SECRETS } from "./config/index.ts";
import { AGENT_TEMPLATES, blueprintOf } from "./templates.ts";
import { builtinToolNames } from "./tool-names.ts";

export interface NewAgent {
  readonly id: string;
  /** Absent: the id with a capital letter. */
  readonly name?: string;
  readonly template: string;
  readonly model: string;
}

export interface AgentFileChange {
  readonly id: string;
  /** From the home on. */
  readonly file: string;
}

/**
 * Writes `agents/ID.yaml` from a template, once the home with it is valid as a whole. Throws `request.conflict` where there is
 * such an agent, `request.not_found` for an unknown template, and `config.invalid` with what would be wrong.
 */
export async function addAgent(
  environment: Environment,
  { id, name = capital(id), template: templateId, model }: NewAgent,
): Promise<AgentFileChange> {
  const template = AGENT_TEMPLATES.find((one) => one.id === templateId);
  if (template === undefined) throw unknownTemplate(templateId);
  const folder = join(environment.home, "agents");
  const known = [`${id}.yaml`, `${id}.yml`].find((file) => existsSync(join(folder, file)));
  if (known !== undefined)
    throw new TroupeError(`There is an agent "${id}" already: agents/${known}. Choose another id.`, {
      code: "request.conflict",
    });
  const file = `agents/${id}.yaml`;
  const text = blueprintOf(template, { id, name, model });
  const extraAgents = { [`${id}.yaml`]: text };
  const toolNames = await builtinToolNames();
  const loaded = loadConfig({ environment, toolNames, extraAgents, secrets: UNREAD_SECRETS });
  if (loaded.kind === "invalid") throw configError(loaded.problems);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(environment.home, file), text, { flag: "wx" });
  return { id, file };
}

/** Takes an agent's file out of the way, so that it can be brought back; what was said with it is kept. */
export function removeAgent(environment: Environment, id: string): AgentFileChange {
  const folder = join(environment.home, "agents");
  const files = existsSync(folder) ? readdirSync(folder).filter((file) => /^[^.].*\.ya?ml$/.test(file)) : [];
  const found = files.find((file) => file.replace(/\.ya?ml$/, "") === id);
  if (found === undefined)
    throw new TroupeError(`There is no file agents/${id.slice(0, 64)}.yaml in the home.`, {
      code: "request.not_found",
    });
  if (files.length === 1)
    throw new TroupeError(`"${id}" is the only agent, and Troupe needs one. Add another first.`, {
      code: "request.conflict",
    });
  mkdirSync(join(folder, "removed"), { recursive: true });
  const file = `agents/removed/${freeName(join(folder, "removed"), found)}`;
  renameSync(join(folder, found), join(environment.home, file));
  return { id, file };
}

function freeName(folder: string, file: string): string {
  let name = file;
  for (let n = 2; existsSync(join(folder, name)); n++) name = file.replace(/(\.ya?ml)$/, `-${n}$1`);
  return name;
}

function unknownTemplate(id: string): TroupeError {
  const known = AGENT_TEMPLATES.map((template) => template.id);
  const nearest = nearestName(id, known);
  const hint = nearest === undefined ? "" : ` Did you mean "${nearest}"?`;
  return new TroupeError(`There is no template "${id.slice(0, 40)}".${hint} Known: ${known.join(", ")}.`, {
    code: "request.not_found",
  });
}

function capital(id: string): string {
  return id.charAt(0).toUpperCase() + id.slice(1);
}
