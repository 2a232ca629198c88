// A model that keeps nothing to itself: it says whatever its prompt holds, looks for more, and writes all of it into summaries.
import type { ModelRequest } from "@troupe/contracts";
import {
  createScriptedModel,
  type ScriptedModel,
  type ScriptedReply,
} from "../../testing/src/scripted-model.ts";
import type { Random } from "../../testing/src/simulator/index.ts";
import type { Words } from "./people.ts";
import { secretsIn } from "./truth.ts";

/** So small a window that long conversations are cut, and their summaries shown. */
const WINDOW_TOKENS = 4_500;
const MOST_SAID = 12;
const RUN_IN = "[job of ";
const RUN_PLACE = /^\W*\[job of ([a-z]+ [a-z0-9-]+)\]/;

export function createGossip(deps: {
  readonly random: Random;
  readonly words: Words;
  /** Told of each request whose answer people read, of whichever conversation; `run`: of a job that was made there. Gives the place. */
  readonly onPrompt: (
    text: string,
    of: { readonly sessionId: string; readonly run: string | undefined },
  ) => string | undefined;
}): ScriptedModel {
  const { random, words } = deps;
  let calls = 0;
  const call = (name: string, input: object): ScriptedReply => ({
    calls: [{ callId: `call-${++calls}`, name, arguments: JSON.stringify(input) }],
    reason: "tool-calls",
  });
  return createScriptedModel({
    modelId: "gossip",
    contextWindow: WINDOW_TOKENS,
    rule(request) {
      const text = textOfRequest(request);
      const secrets = secretsIn(text);
      // Work behind the reply offers no tools, and nobody reads what comes of it as it is. It draws nothing: whether it comes
      // before the next turn or after it is the machine's affair.
      if (request.tools.length === 0) return { text: behindTheReply(request, secrets) };
      const some = shuffled(secrets, random).slice(0, MOST_SAID);
      const last = request.messages.at(-1);
      const run = runOf(request);
      const there = deps.onPrompt(text, { sessionId: sessionOf(request), run });
      const offered = (name: string): boolean => request.tools.some((one) => one.name === name);
      if (last?.role === "user" && random.chance(0.3)) {
        const [one = words.subject(), two = words.subject()] = some;
        const query = `${words.subject()} ${one} ${two}`;
        if (random.chance(0.5) && offered("recall")) return call("recall", { query });
        if (random.chance(0.2) && offered("list_sessions")) return call("list_sessions", {});
        if (random.chance(0.2) && offered("remember"))
          return call("remember", { text: `The ${words.subject()} and ${one} belong together` });
        if (random.chance(0.2) && offered("job_list")) return call("job_list", {});
        if (random.chance(0.3) && run === undefined && there !== undefined && offered("job_create")) {
          const minutes = random.pick([30, 120, 600]);
          if (random.chance(0.4))
            return call("remind_me", { text: `The ${words.subject()} is ${one}.`, inSeconds: minutes * 60 });
          const often = random.chance(0.5)
            ? { inSeconds: minutes * 60 }
            : { everyMinutes: minutes, maxRuns: 3 };
          const where = random.chance(0.3) ? { deliverTo: "inbox" } : {};
          const text = `${RUN_IN}${there}]: tell about the ${words.subject()} and ${one}.`;
          return call("job_create", { title: `About ${one} ${calls}`, text, ...often, ...where });
        }
        if (random.chance(0.5) && offered("hand_off"))
          return call("hand_off", {
            ...{ agent: random.pick(["ana", "bob"]), note: `It is about ${one}.` },
            show: random.pick(["nothing", "summary", "messages"]),
          });
        if (random.chance(0.3) && offered("workspace_read"))
          return call("workspace_read", { file: random.pick(["USER.md", "MEMORY.md", `notes/${one}.md`]) });
        if (random.chance(0.3) && offered("workspace_write"))
          return call("workspace_write", {
            file: random.pick(["USER.md", "MEMORY.md", `notes/${one}.md`]),
            text: `The ${words.subject()} is ${one}.`,
          });
      }
      return { text: `About the ${words.subject()} I know: ${some.join(", ")}.` };
    },
  });
}

/** What stands for the conversation is the agent's own view of it. */
function sessionOf({ conversation }: ModelRequest): string {
  const { sessionId } = (conversation ?? {}) as { readonly sessionId?: string };
  if (sessionId === undefined)
    throw new Error("A prompt of a turn does not say of which conversation it is.");
  return sessionId;
}

/** Where the job was made whose run this is. */
function runOf({ messages }: ModelRequest): string | undefined {
  const asked = messages.findLast(({ role }) => role === "user")?.text ?? "";
  return RUN_PLACE.exec(asked)?.[1];
}

function behindTheReply({ responseFormat, messages }: ModelRequest, secrets: readonly string[]): string {
  const subject = /\bthe ([a-z]{4,})\b/.exec(messages.at(-1)?.text ?? "")?.[1] ?? "matter";
  if (responseFormat === undefined) return `It was about the ${subject}: ${secrets.join(", ")}.`;
  if (responseFormat.name === "reflections") {
    const text = `It is always about the ${subject}: ${secrets.slice(-8).join(", ")}.`;
    return JSON.stringify({ reflections: [{ text, of: [1, 2], matters: 0.5 }] });
  }
  const memories = secrets.slice(-4).map((secret) => ({
    ...{ text: `The ${subject} goes by the word ${secret}.`, slot: "", value: "" },
    // Some of it fades, and is summed up one night.
    ...(subject.length % 2 === 0 ? { kind: "fact", matters: 0.5 } : { kind: "episode", matters: 0.06 }),
  }));
  return JSON.stringify({ memories });
}

/** Everything that a model is shown: words, calls, tools' answers, names of files and what stands in them. */
function textOfRequest({ messages, files }: ModelRequest): string {
  const inFiles = [...(files?.values() ?? [])].map((bytes) => Buffer.from(bytes).toString("utf8"));
  return `${JSON.stringify(messages)}\n${inFiles.join("\n")}`;
}

function shuffled<Item>(items: readonly Item[], random: Random): Item[] {
  return items
    .map((item) => ({ item, at: random.next() }))
    .toSorted((a, b) => a.at - b.at)
    .map(({ item }) => item);
}
