import { join } from "node:path";
import type {
  AgentDirectory,
  CallOptions,
  EffectStore,
  Tool,
  ToolContext,
  ToolOutput,
} from "@troupe/contracts";
import { derivedId } from "../../kit/index.ts";
import type { PersonBook } from "../people/index.ts";
import { type Change, changed } from "./change.ts";
import { isPrivateName, isSharedName, ownFolders, whyNotWritable } from "./own-files.ts";
import { NOTES } from "./places.ts";
import { isWhole, look, readText } from "./read-text.ts";
import { MAX_CHARACTERS } from "./render.ts";
import type { LooksSecret } from "./secret-guard.ts";
import { notesIn } from "./workspaces.ts";
import { WRITE_EFFECT, WRITE_VERSION, type WritePayload } from "./write-handler.ts";

const MOST_NOTES = 200;
const MOST_WRITTEN = 4_000;

const FILE = {
  type: "string",
  minLength: 1,
  maxLength: 100,
  description: "USER.md, MEMORY.md, or a note such as notes/garden.md.",
};

export interface WorkspaceToolDeps {
  readonly folder: string;
  readonly people: Pick<PersonBook, "namesOf">;
  readonly agents: Pick<AgentDirectory, "get">;
  readonly effects: Pick<EffectStore, "put">;
  readonly looksSecret: LooksSecret;
}

/** Reading and changing the agent's own files, as far as the one person who reads the answer may know them. */
export function createWorkspaceTools(deps: WorkspaceToolDeps): readonly Tool[] {
  return [readTool(deps), writeTool(deps)];
}

function readTool(deps: WorkspaceToolDeps): Tool {
  return {
    spec: {
      name: "workspace_read",
      description: "Reads one of your own files, such as a note whose name your instructions list.",
      kind: "pure",
      needs: "workspace",
      inputSchema: objectOf({ file: FILE }, ["file"]),
    },
    async run(input, context, options) {
      const { file } = input as { readonly file: string };
      const places = await placesOf(deps, file, context, options);
      if (typeof places === "string") return refused(places);
      for (const path of places) {
        const read = await readText(join(deps.folder, context.agentId, path));
        if (read.kind === "missing") continue;
        if (read.kind !== "text") return refused(`${file} cannot be read: it is ${read.kind}.`);
        if (deps.looksSecret(read.text))
          return refused(`${file} holds what looks like a secret, so it is not read.`);
        return { text: read.text.slice(0, MAX_CHARACTERS).toWellFormed() || "The file is empty." };
      }
      return refused(`There is no ${file}.`);
    },
  };
}

function writeTool(deps: WorkspaceToolDeps): Tool {
  return {
    spec: {
      name: "workspace_write",
      description:
        "Changes one of your own files for good: USER.md (whom you talk with), MEMORY.md (what you keep in mind), or a note for everything longer. Each change is kept in a history that your operator sees.",
      kind: "transactional",
      needs: "workspace",
      inputSchema: objectOf(
        {
          file: FILE,
          text: {
            type: "string",
            maxLength: MOST_WRITTEN,
            description: "Markdown: added at the end, or put in the place of `replaces`.",
          },
          replaces: {
            type: "string",
            minLength: 1,
            maxLength: MOST_WRITTEN,
            description: "A passage of the file, word for word. Leave out to add at the end.",
          },
        },
        ["file", "text"],
      ),
    },
    async run(input, context, options) {
      const { file, ...change } = input as Change & { readonly file: string };
      const why = await whyRefused(deps, { file, change }, context, options);
      if (typeof why !== "object") return refused(why);
      const payload: WritePayload = { agentId: context.agentId, file: why.path, ...change };
      const { spaceId, turnId, sessionId, now: createdAt, idempotencyKey } = context;
      const write = deps.effects.put({
        ...{
          id: derivedId("workspace-write", spaceId, idempotencyKey),
          spaceId,
          turnId,
          sessionId,
          createdAt,
        },
        ...{ kind: WRITE_EFFECT, v: WRITE_VERSION, lane: "realtime", payload: { ...payload } },
        key: `workspace ${context.agentId}`,
      });
      return { text: `${file} is changed as soon as you have answered.`, writes: [write] };
    },
  };
}

/** Where it is written, or why not. */
async function whyRefused(
  deps: WorkspaceToolDeps,
  { file, change }: { readonly file: string; readonly change: Change },
  context: ToolContext,
  options: CallOptions,
): Promise<string | { readonly path: string }> {
  if (change.text.trim() === "" && change.replaces === undefined) return "text must not be empty.";
  if (deps.looksSecret(change.text))
    return "That looks like a password, key or token. Secrets are not written into files.";
  const places = await placesOf(deps, file, context, options);
  if (typeof places === "string") return places;
  const [path = file] = places;
  const workspace = join(deps.folder, context.agentId);
  if ((await look(workspace)).kind === "missing")
    return "You have no folder for files of your own. Your operator makes one with: ./troupe workspace init";
  const why = await whyNotWritable(workspace, path);
  if (why !== undefined) return `${file} cannot be written: ${why}.`;
  const read = await readText(join(workspace, path));
  if (read.kind === "text" && !isWhole(read))
    return `${file} is too long, or no text in UTF-8, to be changed.`;
  const content = read.kind === "text" ? read.text : "";
  const outcome = changed(content, change);
  if (outcome === undefined) return `That passage is not in ${file}. Read it first: workspace_read.`;
  if (outcome.length > Math.max(MAX_CHARACTERS, content.length))
    return `${file} would be longer than ${MAX_CHARACTERS} characters. Shorten it first, or use another note.`;
  const isNewNote = file.startsWith(`${NOTES}/`) && read.kind === "missing";
  const notes = isNewNote ? await notesIn(join(workspace, path, "..")) : [];
  return notes.length >= MOST_NOTES ? `There are ${notes.length} notes. Add to one of them.` : { path };
}

/** Paths that a name may mean for whoever reads the answer, the one that is written first; or a sentence why there is none. */
async function placesOf(
  deps: WorkspaceToolDeps,
  file: string,
  { spaceId, agentId, audience }: ToolContext,
  options: CallOptions,
): Promise<string | readonly string[]> {
  const workspace = deps.agents.get(spaceId, agentId)?.spec.workspace;
  const own = await ownFolders(deps.people, { spaceId, audience, workspace }, options);
  if (own.length === 0)
    return "Your files about a person are theirs alone; several people read this conversation.";
  if (isPrivateName(file)) return own.map(({ path }) => join(path, file));
  if (!isSharedName(file)) return `"${file}" is none of your files. ${FILE.description}`;
  // What one person says must not reach everybody by a mistake.
  if (own[0]?.path === "") return [file];
  return `${file} is met by everybody you talk with, so only your operator may have it changed.`;
}

function refused(text: string): ToolOutput {
  return { text, isError: true };
}

function objectOf(properties: object, required: readonly string[]) {
  return { type: "object", properties, required, additionalProperties: false };
}
