import { readdirSync, type Stats, statSync } from "node:fs";
import { join } from "node:path";
import type { AgentSpec, HeartbeatSpec, QuietHours } from "@troupe/contracts";
import { openKeptBlueprints } from "./kept-blueprints.ts";
import type { Problem } from "./problem.ts";
import { checkAgentReferences, type Names } from "./references.ts";
import { agentSchema } from "./schema.ts";
import { readOrTell, readSource } from "./source-file.ts";
import type { AgentFile, HeartbeatFile, QuietHoursFile } from "./types.ts";
import { validate } from "./validate.ts";

interface Known {
  readonly names: Names | undefined;
  /** Absent, tools are not checked. */
  readonly tools: readonly string[] | undefined;
}

/** Reads and checks `agents/*.yaml`; faults become problems. Files that did not change since the last start are not parsed. */
export function loadAgents(
  home: string,
  {
    keeps,
    extraAgents,
    mayLack,
    ...known
  }: Known & {
    readonly keeps: boolean;
    readonly extraAgents: Readonly<Record<string, string>>;
    /** No file is no fault. */
    readonly mayLack: boolean;
  },
  problems: Problem[],
): readonly AgentSpec[] {
  const kept = openKeptBlueprints(home);
  const agents: AgentSpec[] = [];
  const fileOf = new Map<string, string>();
  for (const fileName of agentFiles(home, { extra: Object.keys(extraAgents), mayLack }, problems)) {
    const name = `agents/${fileName}`;
    const fileId = fileName.replace(/\.ya?ml$/, "");
    const first = fileOf.get(fileId);
    if (first !== undefined) {
      problems.push(secondFile(name, first));
      continue;
    }
    fileOf.set(fileId, name);
    // Before it is read: a file that changes meanwhile has other times when it is looked at next.
    const stats = extraAgents[fileName] === undefined ? statsOf(join(home, name)) : undefined;
    const input = stats && kept.find(fileName, stats);
    const spec = input === undefined ? undefined : checkKept(input, { ...known, fileId });
    if (spec !== undefined) {
      agents.push(spec);
      continue;
    }
    const text = extraAgents[fileName] ?? readOrTell(home, name, problems);
    const read = text === undefined ? undefined : readAgent(name, text, { ...known, fileId }, problems);
    if (read === undefined) continue;
    agents.push(toSpec(read.value));
    if (stats !== undefined) kept.put(fileName, stats, read.input);
  }
  if (keeps) kept.save();
  return agents;
}

/** `ana.yml` beside `ana.yaml`: nobody could say which of them answers. */
function secondFile(file: string, first: string): Problem {
  const message = `is of the agent that ${first} describes.`;
  return { file, line: undefined, path: "", message, hints: ["Keep one of the two."] };
}

/** The blueprint that was kept, or undefined where anything is to be said of it: then the file itself is read, for its lines. */
function checkKept(input: unknown, known: Known & { readonly fileId: string }): AgentSpec | undefined {
  const { data } = agentSchema.safeParse(input);
  if (data === undefined || checkAgentReferences(undefined, data, known).length > 0) return undefined;
  return toSpec(data);
}

function readAgent(
  name: string,
  text: string,
  known: Known & { readonly fileId: string },
  problems: Problem[],
): { readonly value: AgentFile; readonly input: unknown } | undefined {
  const source = readSource(name, text);
  const { value, input, problems: faults } = validate(source, agentSchema, { kind: "agent" });
  problems.push(...faults);
  if (value === undefined) return undefined;
  problems.push(...checkAgentReferences(source, value, known));
  return { value, input };
}

function statsOf(path: string): Stats | undefined {
  try {
    return statSync(path);
  } catch {
    // Reading it says why.
    return undefined;
  }
}

function agentFiles(
  home: string,
  { extra, mayLack }: { readonly extra: readonly string[]; readonly mayLack: boolean },
  problems: Problem[],
): readonly string[] {
  let names: readonly string[] = extra;
  try {
    names = [...readdirSync(join(home, "agents")), ...extra]
      .filter((name) => /\.ya?ml$/.test(name) && !name.startsWith("."))
      .sort();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
  if (names.length === 0 && !mayLack) {
    problems.push({
      file: "agents/",
      line: undefined,
      path: "",
      message: "holds no agent.",
      hints: [
        "Write one, agents/ana.yaml:",
        "  id: ana",
        "  name: Ana",
        "  instructions: You are a helpful assistant.",
      ],
    });
  }
  return names;
}

function quietSpecOf({ timeZone, ...hours }: QuietHoursFile): QuietHours {
  return { ...hours, ...(timeZone === undefined ? {} : { timeZone }) };
}

function heartbeatSpecOf({ everyMinutes, text, activeHours, deliverTo }: HeartbeatFile): HeartbeatSpec {
  return {
    everyMs: everyMinutes * 60_000,
    ...(text === undefined ? {} : { text }),
    ...(activeHours === undefined ? {} : { activeHours }),
    ...(deliverTo === undefined ? {} : { deliverTo }),
  };
}

function workspaceSpecOf({
  readers,
}: NonNullable<AgentFile["workspace"]>): NonNullable<AgentSpec["workspace"]> {
  return readers === undefined ? {} : { readers };
}

function toSpec(file: AgentFile): AgentSpec {
  const { deadlineSeconds, description, tools, modules, without, approvals, whileBusy, maxSteps, tape } =
    file;
  const { delegates, acceptsFrom, capabilities } = file;
  return {
    id: file.id,
    name: file.name,
    model: file.model,
    instructions: file.instructions,
    ...(description === undefined ? {} : { description }),
    ...(tools === undefined ? {} : { tools }),
    ...(modules === undefined ? {} : { modules }),
    ...(without === undefined ? {} : { without }),
    ...(approvals === undefined ? {} : { approvals }),
    ...(whileBusy === undefined ? {} : { whileBusy }),
    ...(deadlineSeconds === undefined ? {} : { deadlineMs: deadlineSeconds * 1000 }),
    ...(maxSteps === undefined ? {} : { maxSteps }),
    ...(tape === undefined ? {} : { tape }),
    ...(file.learn === undefined ? {} : { learn: file.learn }),
    ...(delegates === undefined ? {} : { delegates }),
    ...(acceptsFrom === undefined ? {} : { acceptsFrom }),
    ...(capabilities === undefined ? {} : { capabilities }),
    ...(file.workspace === undefined ? {} : { workspace: workspaceSpecOf(file.workspace) }),
    ...(file.quietHours === undefined ? {} : { quietHours: quietSpecOf(file.quietHours) }),
    ...(file.heartbeat === undefined ? {} : { heartbeat: heartbeatSpecOf(file.heartbeat) }),
  };
}
