import { createGit, createSecretGuard, examineWorkspaces } from "../../memory/index.ts";
import { workspacesFolder } from "../compose-workspaces.ts";
import { displayPath } from "../config/environment.ts";
import type { Config, Environment } from "../config/index.ts";
import type { Finding } from "./finding.ts";

const MOST_NAMED = 3;

/** Agents' own files: what of them no prompt shows or no history keeps, and why. */
export async function checkWorkspaces(
  { home, variables }: Environment,
  { agents }: Pick<Config, "agents">,
): Promise<readonly Finding[]> {
  const folder = workspacesFolder(home);
  const found = await examineWorkspaces({
    folder,
    agentIds: agents.map(({ id }) => id),
    looksSecret: createSecretGuard((text) => text),
    git: createGit(variables.PATH),
  });
  if (found === undefined) return [];
  const base = { name: "Workspaces", how: "read agents' own files, and ran git" };
  const { count, troubles } = found;
  if (troubles.length === 0)
    return [{ ...base, verdict: "good", what: `${count} with files that are in order` }];
  const named = troubles.slice(0, MOST_NAMED).map(({ path, what }) => `${displayPath(path)} ${what}`);
  const more = troubles.length > named.length ? `; and ${troubles.length - named.length} more` : "";
  return [
    {
      ...base,
      verdict: "warning",
      what: named.join("; ") + more,
      remedy: troubles[0]?.remedy ?? "./troupe workspace show AGENT names them all.",
    },
  ];
}
