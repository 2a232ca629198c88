import { TroupeError } from "@troupe/contracts";
import { chatSession, tellEnd } from "../chat/chat-session.ts";
import { type Conversations, openConversations } from "../chat/conversation.ts";
import { talk } from "../chat/talk.ts";
import { createTurnView } from "../chat/turn-view.ts";
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
  output.line(
    `${output.paint.bold(agent?.name ?? agentId)}${what}. /help tells what you can type; Ctrl-C leaves.`,
  );
  output.line();
  const status = (): Promise<string> => readStatusText(client, output);
  await chatSession(
    { client, output, home: environment.home, conversations, agents, status },
    { agentId, session },
  );
}

async function askOnce(
  { output }: CommandContext,
  client: AdminClient,
  message: { readonly agentId: string; readonly session: string; readonly text: string },
): Promise<void> {
  const { columns, rows } = process.stdout;
  const screen = {
    ...output,
    columns: columns ?? 80,
    rows: rows ?? 24,
    write: output.isJson ? () => {} : output.write,
    hidesTools: message.text.trimStart().startsWith("/"),
  };
  const view = createTurnView(screen);
  await talk(client, message, view);
  const { end } = view;
  if (output.isJson) {
    output.result(end ?? { turnId: view.turnId, state: "running" }, () => "");
  } else if (end?.state !== "replied") {
    tellEnd(view, { ...output, line: output.note });
  }
  if (end?.state !== "replied" && end?.state !== "suppressed") process.exitCode = 1;
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
