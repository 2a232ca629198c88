import { TroupeError } from "@troupe/contracts";
import { systemClock } from "../../kit/index.ts";
import { chatSession } from "../chat/chat-session.ts";
import { type Conversations, openConversations } from "../chat/conversation.ts";
import { lastWords } from "../chat/last-words.ts";
import { createLineReader, type LineReader, type LineReaderOptions } from "../chat/line-reader.ts";
import { createNews } from "../chat/news.ts";
import { talk } from "../chat/talk.ts";
import { tellEnd } from "../chat/tell-end.ts";
import { createTurnView } from "../chat/turn-view.ts";
import { wrapped } from "../chat/wrap.ts";
import type { AdminClient } from "../client.ts";
import type { CommandContext } from "../context.ts";
import type { AgentView } from "../format/lists.ts";
import { readAgents } from "./agent.ts";
import { readStatusText } from "./status.ts";

type Options = Readonly<Record<string, unknown>>;

export async function chat(
  context: CommandContext,
  options: Options,
  given: string | undefined,
): Promise<void> {
  const { environment, output } = context;
  const text = await wholeText(given);
  await using client = await context.connect({ command: "chat", createHome: true, work: true });
  const agents = await readAgents(client);
  const conversations = openConversations(environment.home);
  const agentId = chooseAgent(agents, conversations, options.agent);
  const session = chooseSession(conversations, agentId, options);
  if (text !== undefined) {
    await askOnce(context, client, { agentId, session, text });
    return;
  }
  const agent = agents.find((one) => one.id === agentId);
  const what = agent?.description === undefined ? "" : `, ${agent.description}`;
  const { columns } = terminalSize();
  const head = `${output.paint.bold(agent?.name ?? agentId)}${what}. /help tells what you can type; Ctrl-C leaves.`;
  output.line(wrapped(head, columns));
  const last = await lastWords(client, { agentId, session }, columns);
  if (last !== undefined) output.line(output.paint.dim(wrapped(last, columns)));
  output.line();
  const status = (): Promise<string> => readStatusText(client, output);
  const openReader = (own: LineReaderOptions): LineReader =>
    createLineReader({ ...own, home: environment.home });
  await chatSession(
    {
      ...{ client, output, conversations, agents, status, openReader, size: terminalSize },
      news: createNews({ client, clock: systemClock() }),
    },
    { agentId, session },
  );
}

/** Sends one message and prints its answer. */
export async function askOnce(
  { output }: CommandContext,
  client: AdminClient,
  message: { readonly agentId: string; readonly session: string; readonly text: string },
): Promise<void> {
  const screen = {
    ...output,
    ...terminalSize(),
    write: output.isJson ? () => {} : output.write,
    hidesTools: message.text.trimStart().startsWith("/"),
  };
  const view = createTurnView(screen);
  await talk(client, message, view, {
    signal: new AbortController().signal,
    onAway: (isAway) => {
      if (isAway) output.note("Troupe is away. Waiting for it.");
    },
  });
  const { end } = view;
  if (output.isJson) {
    output.result(end ?? { turnId: view.turnId, state: "running" }, () => "");
  } else {
    tellEnd(view, { paint: output.paint, line: (text = "") => output.note(text) });
  }
  if (end?.state !== "replied" && end?.state !== "suppressed") process.exitCode = 1;
}

function terminalSize(): { readonly columns: number; readonly rows: number } {
  const { columns = 80, rows = 24 } = process.stdout;
  return { columns, rows };
}

/** What was given as an argument, and what comes through a pipe, as one message; undefined to talk. */
async function wholeText(given: string | undefined): Promise<string | undefined> {
  if (process.stdin.isTTY === true) return given;
  let piped = "";
  process.stdin.setEncoding("utf8");
  for await (const chunk of process.stdin) piped += chunk;
  const text = [given, piped.trimEnd()].filter((part) => part !== undefined && part !== "").join("\n\n");
  if (text === "") {
    throw new TroupeError(
      'There is nothing to send. Write ./troupe chat "hello", or open it in a terminal.',
      {
        code: "request.invalid",
      },
    );
  }
  return text;
}

function chooseAgent(agents: readonly AgentView[], conversations: Conversations, asked: unknown): string {
  const ids = agents.map((agent) => agent.id);
  if (typeof asked === "string") {
    if (ids.includes(asked)) return asked;
    throw new TroupeError(`There is no agent "${asked}". Known: ${ids.join(", ")}.`, {
      code: "request.not_found",
    });
  }
  const { lastAgent } = conversations;
  const chosen = lastAgent !== undefined && ids.includes(lastAgent) ? lastAgent : ids[0];
  if (chosen === undefined) {
    throw new TroupeError("There is no agent yet. Write one: agents/ana.yaml in the home.", {
      code: "config.missing",
    });
  }
  return chosen;
}

function chooseSession(conversations: Conversations, agentId: string, options: Options): string {
  const { session, new: isNew } = options;
  if (typeof session === "string") return session;
  return isNew === true ? conversations.begin(agentId) : conversations.keyFor(agentId);
}
