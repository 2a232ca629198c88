import { TroupeError } from "@troupe/contracts";
import { safeText } from "../../kit/index.ts";
import type { AdminClient } from "../client.ts";
import { type AgentView, formatAgents } from "../format/lists.ts";
import type { Output } from "../output.ts";
import type { Conversations } from "./conversation.ts";
import type { LineReader, LineReaderOptions } from "./line-reader.ts";
import type { News } from "./news.ts";
import { stopTurn, talk } from "./talk.ts";
import { tellEnd } from "./tell-end.ts";
import { createTurnView, type TurnView } from "./turn-view.ts";
import { wrapped } from "./wrap.ts";

const HELP = `In this terminal:
  /agent   the agents; /agent ID talks with another one
  /new     begin a new conversation
  /stop    stop the answer that is being written, as Ctrl-C does; else what it began elsewhere
  /status  what runs and what waits
`;

export interface ChatSessionDeps {
  readonly client: Pick<AdminClient, "call" | "stream">;
  readonly output: Output;
  readonly conversations: Conversations;
  readonly agents: readonly AgentView[];
  readonly status: () => Promise<string>;
  /** What comes into the conversation by itself: reminders, runs of jobs, what is said elsewhere. */
  readonly news: News;
  readonly openReader: (options: LineReaderOptions) => LineReader;
  /** The terminal's size by now. */
  readonly size: () => { readonly columns: number; readonly rows: number };
}

/** What is being answered just now. */
interface Answering {
  readonly view: TurnView;
  /** Nobody wants to see the rest. */
  readonly leave: AbortController;
  isAway: boolean;
  isStopping: boolean;
}

interface Place {
  agentId: string;
  session: string;
  answering: Answering | undefined;
}

/** Talks until the person leaves. Messages that are typed while an answer is written wait for their turn. */
export function chatSession(
  deps: ChatSessionDeps,
  start: { readonly agentId: string; readonly session: string },
): Promise<void> {
  return new Chat(deps, { ...start, answering: undefined }).run();
}

class Chat {
  readonly #deps: ChatSessionDeps;
  readonly #place: Place;
  readonly #waiting: string[] = [];
  readonly #done = Promise.withResolvers<void>();
  readonly #reader: LineReader;
  #working: Promise<void> = Promise.resolve();
  #isClosed = false;

  constructor(deps: ChatSessionDeps, place: Place) {
    this.#deps = deps;
    this.#place = place;
    this.#reader = deps.openReader({
      promptText: "> ",
      onMessage: (text) => this.#onMessage(text),
      onInterrupt: (line) => this.#onInterrupt(line),
      onClose: () => void this.#onClose(),
    });
  }

  async run(): Promise<void> {
    this.#reader.prompt();
    using _watching = this.#deps.news.watch(
      () => this.#place,
      (texts) => this.#onNews(texts),
    );
    await this.#done.promise;
  }

  /** False while something else is on the screen: it is told again. */
  #onNews(texts: readonly string[]): boolean {
    if (this.#waiting.length > 0 || this.#isClosed) return false;
    this.#reader.aside(() => {
      for (const text of texts) this.#say(`${safeText(text)}\n`);
    });
    return true;
  }

  #onMessage(text: string): void {
    const { answering } = this.#place;
    if (answering !== undefined && text.trim() === "/stop") {
      this.#stopNow(answering);
      return;
    }
    this.#waiting.push(text);
    if (this.#waiting.length === 1) this.#working = this.#work();
  }

  /** Once: the answer. Again, or where nothing is being written: the chat. */
  #onInterrupt(line: string): void {
    const { answering } = this.#place;
    if (answering === undefined) {
      if (line === "") this.#reader.close();
    } else if (answering.isStopping) this.#reader.close();
    else this.#stopNow(answering);
  }

  async #onClose(): Promise<void> {
    this.#isClosed = true;
    this.#place.answering?.leave.abort(new Error("The person left."));
    await this.#working;
    this.#deps.output.line();
    this.#done.resolve();
  }

  async #work(): Promise<void> {
    const { output } = this.#deps;
    let isFirst = true;
    for (let text = this.#waiting[0]; text !== undefined && !this.#isClosed; text = this.#waiting[0]) {
      // Typed while an answer was written, so it did not show.
      if (!isFirst) output.line(`\n> ${text}`);
      isFirst = false;
      await this.#take(text);
      this.#waiting.shift();
    }
    if (this.#isClosed) return;
    output.line();
    this.#reader.prompt();
  }

  async #take(text: string): Promise<void> {
    try {
      if (text.trim() !== "" && !(await this.#runCommand(text))) {
        this.#reader.hush();
        await this.#answer(text);
      }
    } catch (error) {
      this.#say(this.#deps.output.paint.bad(TroupeError.is(error) ? error.message : String(error)));
    } finally {
      const { turnId, end } = this.#place.answering?.view ?? {};
      // One that was left to itself is news when it comes.
      if (turnId !== undefined && end !== undefined) this.#deps.news.own(turnId);
      this.#place.answering = undefined;
    }
  }

  async #answer(text: string): Promise<void> {
    const { client, output, size } = this.#deps;
    const { agentId, session } = this.#place;
    const hidesTools = text.trimStart().startsWith("/");
    const view = createTurnView({ ...output, ...size(), hidesTools });
    const answering: Answering = { view, leave: new AbortController(), isAway: false, isStopping: false };
    this.#place.answering = answering;
    const onAway = (isAway: boolean): void => {
      answering.isAway = isAway;
      if (isAway) view.remark("(Troupe is away. Waiting for it; Ctrl-C stops waiting.)");
    };
    try {
      await talk(client, { agentId, session, text }, view, { signal: answering.leave.signal, onAway });
    } catch (error) {
      if (!answering.leave.signal.aborted) throw error;
      view.remark("(The answer goes on without you and will be in the conversation.)");
      return;
    }
    tellEnd(view, { paint: output.paint, line: (line = "") => this.#say(line) });
  }

  #stopNow(answering: Answering): void {
    const { client, output } = this.#deps;
    const { turnId, end } = answering.view;
    if (answering.isAway) {
      // Nobody is there to be asked; the answer, if there is one, comes into the conversation.
      answering.leave.abort(new Error("Nobody waits any more."));
      return;
    }
    if (turnId === undefined || end !== undefined) {
      this.#say("Nothing is being written.");
      return;
    }
    answering.isStopping = true;
    stopTurn(client, turnId).catch((error: unknown) => {
      this.#say(output.paint.bad(TroupeError.is(error) ? error.message : String(error)));
    });
  }

  /** Runs a command of the terminal; false when `text` is none and goes to the agent. */
  async #runCommand(text: string): Promise<boolean> {
    const { conversations, status } = this.#deps;
    const [word = "", rest = ""] = text.trim().split(/\s+/, 2);
    switch (word) {
      case "/help":
        this.#say(HELP);
        // The agent's own list follows.
        return false;
      case "/new":
        this.#place.session = conversations.begin(this.#place.agentId);
        this.#say("A new conversation. The old one is kept.");
        return true;
      case "/status":
        this.#say(await status());
        return true;
      case "/agent":
        this.#changeAgent(rest);
        return true;
      default:
        return false;
    }
  }

  #changeAgent(id: string): void {
    const { output, conversations, agents } = this.#deps;
    const agent = agents.find((one) => one.id === id);
    if (agent === undefined) {
      if (id !== "") this.#say(`There is no agent "${safeText(id)}". These are here:`);
      output.line(formatAgents(agents, output.paint));
      return;
    }
    this.#place.agentId = id;
    this.#place.session = conversations.keyFor(id);
    this.#say(`You talk with ${agent.name} now.`);
  }

  #say(text: string): void {
    this.#deps.output.line(wrapped(text, this.#deps.size().columns));
  }
}
