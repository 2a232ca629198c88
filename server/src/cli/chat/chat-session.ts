import { TroupeError } from "@troupe/contracts";
import type { AdminClient } from "../client.ts";
import { type AgentView, formatAgents } from "../format/lists.ts";
import type { Output } from "../output.ts";
import type { Conversations } from "./conversation.ts";
import { createLineReader, type LineReader } from "./line-reader.ts";
import { stopTurn, talk } from "./talk.ts";
import { createTurnView, type TurnView } from "./turn-view.ts";

const HELP = `  /agent        the agents; /agent ID talks with another one
  /new          begin a new conversation
  /stop         stop the answer that is being written, as Ctrl-C does
  /status       what runs and what waits
  /help         this
  Other commands go to the agent. Ctrl-C at an empty line leaves; the conversation waits for you.`;

export interface ChatSessionDeps {
  readonly client: AdminClient;
  readonly output: Output;
  readonly home: string;
  readonly conversations: Conversations;
  readonly agents: readonly AgentView[];
  readonly status: () => Promise<string>;
}

/** Where the person is, and what is being answered. */
interface Place {
  agentId: string;
  session: string;
  view: TurnView | undefined;
  isStopping: boolean;
}

/** Talks until the person leaves. Messages that are typed while an answer is written wait for their turn. */
export function chatSession(
  deps: ChatSessionDeps,
  start: { readonly agentId: string; readonly session: string },
): Promise<void> {
  const { output } = deps;
  const place: Place = { ...start, view: undefined, isStopping: false };
  const waiting: string[] = [];
  let reader: LineReader;

  const work = async (): Promise<void> => {
    let isFirst = true;
    for (let text = waiting[0]; text !== undefined; text = waiting[0]) {
      // Typed while an answer was written, so it did not show.
      if (!isFirst) output.line(`\n> ${text}`);
      isFirst = false;
      try {
        if (text.trim() !== "" && !(await runCommand(deps, place, text))) {
          reader.hush();
          await answer(deps, place, text);
        }
      } catch (error) {
        output.line(output.paint.bad(TroupeError.is(error) ? error.message : String(error)));
      }
      place.view = undefined;
      waiting.shift();
    }
    output.line();
    reader.prompt();
  };
  const stopNow = (): void => {
    stop(deps, place).catch((error: unknown) => output.line(output.paint.bad(String(error))));
  };

  return new Promise((resolve) => {
    reader = createLineReader({
      home: deps.home,
      promptText: "> ",
      onMessage(text) {
        if (place.view !== undefined && text.trim() === "/stop") return stopNow();
        waiting.push(text);
        if (waiting.length === 1) void work();
      },
      onInterrupt(line) {
        if (place.view !== undefined && !place.isStopping) return stopNow();
        if (place.view === undefined && line !== "") return;
        reader.close();
      },
      onClose() {
        output.line();
        resolve();
      },
    });
    reader.prompt();
  });
}

async function answer({ client, output }: ChatSessionDeps, place: Place, text: string): Promise<void> {
  const { columns = 80, rows = 24 } = process.stdout;
  const view = createTurnView({ ...output, columns, rows, hidesTools: text.trimStart().startsWith("/") });
  place.view = view;
  place.isStopping = false;
  await talk(client, { agentId: place.agentId, session: place.session, text }, view);
  tellEnd(view, output);
}

async function stop({ client, output }: ChatSessionDeps, place: Place): Promise<void> {
  const { view } = place;
  if (view?.turnId === undefined || view.end !== undefined) return output.line("Nothing is being written.");
  place.isStopping = true;
  await stopTurn(client, view.turnId);
}

/** Runs a command of the terminal; false when `text` is none and goes to the agent. */
async function runCommand(deps: ChatSessionDeps, place: Place, text: string): Promise<boolean> {
  const { output, conversations, agents } = deps;
  const [word = "", rest = ""] = text.trim().split(/\s+/, 2);
  switch (word) {
    case "/help":
      output.line(HELP);
      output.line();
      // The agent's own list follows.
      return false;
    case "/new":
      place.session = conversations.begin(place.agentId);
      output.line("A new conversation. The old one is kept.");
      return true;
    case "/stop":
      await stop(deps, place);
      return true;
    case "/status":
      output.line(await deps.status());
      return true;
    case "/agent": {
      const agent = agents.find((one) => one.id === rest);
      if (agent === undefined) {
        if (rest !== "") output.line(`There is no agent "${rest}". These are here:`);
        output.line(formatAgents(agents, output.paint));
        return true;
      }
      place.agentId = rest;
      place.session = conversations.keyFor(rest);
      output.line(`You talk with ${agent.name} now.`);
      return true;
    }
    default:
      return false;
  }
}

/** Says what the reply itself does not: that there is none, and why. */
export function tellEnd(view: TurnView, output: Output): void {
  const { end, turnId } = view;
  if (end === undefined) {
    output.line(`The line was cut; the answer is kept. ./troupe turn show ${turnId ?? ""} shows it.`);
    return;
  }
  // What was said before a stop is on the screen already.
  if (end.state === "cancelled") output.line(output.paint.dim("Stopped."));
  else if (end.state !== "replied") {
    output.line(output.paint.bad(end.text || end.error?.message || `The turn ended as ${end.state}.`));
  }
}
