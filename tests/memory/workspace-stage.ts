import type { AgentSpec, Effect, Module, NewEffect, ToolOutput } from "@troupe/contracts";
import { createLogRecorder, type ManualClock, toolContext } from "@troupe/testing";
import { createMetrics } from "../../server/src/kit/index.ts";
import {
  createGit,
  createSecretGuard,
  createVersions,
  createWorkspaceModule,
  type Versions,
} from "../../server/src/memory/index.ts";

const options = { signal: new AbortController().signal };

/** The module of agents' own files on a real folder, with the real program git. */
export interface WorkspaceStage {
  readonly module: Module;
  readonly versions: Versions;
  readonly log: ReturnType<typeof createLogRecorder>;
  /** What a tool answers, and what it would have done behind the reply. */
  call(tool: string, input: object, audience?: readonly string[]): Promise<ToolOutput>;
  /** Runs the effects that tools put, each once more with `again`. */
  runEffects(again?: "again"): Promise<void>;
}

export function stageWorkspace(
  folder: string,
  clock: ManualClock,
  of: {
    readonly names?: Readonly<Record<string, readonly string[]>>;
    readonly workspace?: AgentSpec["workspace"];
    readonly searchPath?: string;
  } = {},
): WorkspaceStage {
  const { names = {}, workspace, searchPath = process.env.PATH } = of;
  const log = createLogRecorder();
  const looksSecret = createSecretGuard((text) => text.replaceAll("configured-value", "***"));
  const git = createGit(searchPath);
  const deps = { folder, clock, logger: log, looksSecret };
  const versions = createVersions({ ...deps, metrics: createMetrics(), git });
  const put: NewEffect[] = [];
  const about = { id: "ana", name: "Ana", model: "default", instructions: "" };
  const spec: AgentSpec = { ...about, ...(workspace === undefined ? {} : { workspace }) };
  const module = createWorkspaceModule({
    ...{ ...deps, versions },
    people: { namesOf: (_space, name) => names[name] ?? [name] },
    agents: { get: (spaceId) => ({ spaceId, revision: 1, spec }) },
    memories: { list: async () => ({ items: [] }), find: async () => [] },
    effects: {
      put(effect) {
        put.push(effect);
        return {};
      },
    },
  });
  const [handler] = module.effects ?? [];
  return {
    ...{ module, versions, log },
    async call(name, input, audience = ["operator"]) {
      const tool = module.tools?.find((one) => one.spec.name === name);
      if (tool === undefined) throw new Error(`no tool ${name}`);
      return await tool.run(input, toolContext({ audience }), options);
    },
    async runEffects(again) {
      const effects = again === undefined ? put.splice(0) : [...put, ...put.splice(0)];
      for (const effect of effects)
        await handler?.handle({ attempt: 1, epoch: 1, ...effect } as Effect, options);
    },
  };
}
