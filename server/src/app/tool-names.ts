import type { MemoryStore, SearchStore, SessionStore } from "@troupe/contracts";
import { createFlowTools } from "../flows/index.ts";
import { createJobTools } from "../jobs/index.ts";
import { createWorkspaceTools } from "../memory/index.ts";
import { createBuiltinTools } from "../tools/index.ts";

/** Names of the tools that come with Troupe, to check agents before any store is open. */
export async function builtinToolNames(): Promise<readonly string[]> {
  // Nothing is run, so no port is ever asked.
  const none = {};
  const source = createBuiltinTools({
    memories: none as MemoryStore,
    search: none as SearchStore,
    sessions: none as SessionStore,
    random: () => 0,
  });
  const flows = createFlowTools({ flows: none, engine: none } as Parameters<typeof createFlowTools>[0]);
  const jobs = createJobTools(none as Parameters<typeof createJobTools>[0]);
  const own = createWorkspaceTools(none as Parameters<typeof createWorkspaceTools>[0]);
  const options = { signal: new AbortController().signal };
  const tools = [...(await source.list(options)), ...(await flows.list(options)), ...jobs, ...own];
  return tools.map((tool) => tool.spec.name);
}
