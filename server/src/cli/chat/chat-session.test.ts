import { NO_USAGE, TroupeError, type TurnEvent, type TurnEventBody } from "@troupe/contracts";
import { beforeEach, expect, test } from "vitest";
import { createOutput } from "../output.ts";
import { type ChatSessionDeps, chatSession } from "./chat-session.ts";
import type { LineReaderOptions } from "./line-reader.ts";

/** One message that was sent, in the hands of a test. */
interface Sent {
  readonly path: string;
  readonly body: unknown;
  readonly key: string | undefined;
  emit(...bodies: TurnEventBody[]): void;
  /** The line ends, or breaks. */
  end(): void;
  fail(error: TroupeError): void;
}

const away = (): TroupeError => new TroupeError("Troupe stopped answering.", { code: "not_ready" });
const begin: TurnEventBody = { type: "attempt-start" };
const delta = (text: string): TurnEventBody => ({ type: "text-delta", text });
const replied = (text: string): TurnEventBody => ({
  ...{ type: "end", state: "replied", text, usage: NO_USAGE, costUsd: 0 },
});

let screen: string;
let sent: Sent[];
let calls: string[];
let reader: LineReaderOptions;
let prompts: number;
let owned: string[];
let tellNews: (texts: readonly string[]) => boolean;
let isClosed: boolean;
let ended: Promise<void>;

beforeEach(() => {
  screen = "";
  sent = [];
  calls = [];
  prompts = 0;
  owned = [];
  isClosed = false;
  const output = {
    ...createOutput({ isJson: false, noColor: true }),
    isTerminal: false,
    line(text = "") {
      screen += `${text}\n`;
    },
    write(text: string) {
      screen += text;
    },
  };
  const deps: ChatSessionDeps = {
    output,
    client: {
      call: async (method, path) => {
        calls.push(`${method} ${path}`);
        return undefined as never;
      },
      stream: (path, body, onEvent, options) =>
        new Promise((resolve, reject) => {
          options?.signal?.addEventListener("abort", () => reject(options.signal?.reason));
          sent.push({
            ...{ path, body, key: options?.headers?.["idempotency-key"] },
            emit(...bodies) {
              for (const [n, one] of bodies.entries())
                onEvent({ ...one, turnId: "t1", attempt: 1, n } as TurnEvent, one.type);
            },
            end: resolve,
            fail: reject,
          });
        }),
    },
    conversations: {
      lastAgent: "ana",
      keyFor: (id) => `kept-${id}`,
      begin: (id) => `new-${id}`,
    },
    agents: ["ana", "kate"].map((id) => ({
      ...{ id, name: id === "ana" ? "Ana" : "Kate", model: "default", instructions: "Help.", revision: 1 },
    })),
    status: async () => "All is calm.",
    news: {
      own: (turnId) => void owned.push(turnId),
      watch(_where, tell) {
        tellNews = tell;
        return { [Symbol.dispose]() {} };
      },
    },
    openReader(options) {
      reader = options;
      return {
        prompt() {
          prompts += 1;
        },
        hush() {},
        aside: (print) => print(),
        close() {
          if (isClosed) return;
          isClosed = true;
          options.onClose();
        },
      };
    },
    size: () => ({ columns: 40, rows: 24 }),
  };
  ended = chatSession(deps, { agentId: "ana", session: "s1" });
});

/** Resolves when `condition` holds; fails the test by its own time limit else. */
async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5));
}

test("a message is sent to the agent, its reply shown, and the prompt comes back", async () => {
  reader.onMessage("hello");
  await until(() => sent.length === 1);
  sent[0]?.emit(begin, delta("Hi."), replied("Hi."));
  sent[0]?.end();
  await until(() => prompts === 2);

  expect(sent[0]).toMatchObject({ path: "/api/agents/ana/messages", body: { text: "hello", session: "s1" } });
  expect(screen).toContain("Hi.\n");
});

test("what is typed while an answer is written waits for its turn", async () => {
  reader.onMessage("one");
  reader.onMessage("two");
  await until(() => sent.length === 1);
  sent[0]?.emit(begin, replied("First."));
  sent[0]?.end();
  await until(() => sent.length === 2);
  sent[1]?.emit(begin, replied("Second."));
  sent[1]?.end();
  await until(() => prompts === 2);

  expect(sent[1]?.body).toMatchObject({ text: "two" });
  expect(screen).toContain("First.\n\n> two\nSecond.\n");
});

test("a Troupe that goes away in the middle is waited for, and the same message asked again under its key", async () => {
  reader.onMessage("hello");
  await until(() => sent.length === 1);
  sent[0]?.emit(begin, delta("Half a"));
  sent[0]?.fail(away());
  await until(() => sent.length === 2);
  sent[1]?.fail(away());
  await until(() => sent.length === 3);
  sent[2]?.emit(begin, delta("Whole."), replied("Whole."));
  sent[2]?.end();
  await until(() => prompts === 2);

  expect(new Set(sent.map(({ key }) => key)).size).toBe(1);
  expect(sent[0]?.key).toBeTruthy();
  expect(screen).toContain("Whole.\n");
});

test("a stream that ends without an end is one of a Troupe that stops: its answer is waited for too", async () => {
  reader.onMessage("hello");
  await until(() => sent.length === 1);
  sent[0]?.emit(begin, delta("Half a"));
  sent[0]?.end();
  await until(() => sent.length === 2);
  sent[1]?.emit(replied("Whole."));
  sent[1]?.end();
  await until(() => prompts === 2);

  expect(screen).toContain("Whole.\n");
});

test("Ctrl-C stops waiting for a Troupe that is away, and the chat goes on", async () => {
  reader.onMessage("hello");
  await until(() => sent.length === 1);
  sent[0]?.fail(away());
  await until(() => sent.length === 2);
  reader.onInterrupt("");
  await until(() => prompts === 2);

  expect(calls).toEqual([]);
  expect(isClosed).toBe(false);
});

test("Ctrl-C stops an answer, and again leaves", async () => {
  reader.onMessage("hello");
  await until(() => sent.length === 1);
  sent[0]?.emit(begin, delta("Half a"));
  reader.onInterrupt("");
  await until(() => calls.length === 1);
  expect(calls).toEqual(["POST /api/turns/t1/cancel"]);
  expect(isClosed).toBe(false);

  reader.onInterrupt("");
  await ended;

  expect(isClosed).toBe(true);
});

test("/stop typed while an answer is written stops it, and is no message", async () => {
  reader.onMessage("hello");
  await until(() => sent.length === 1);
  sent[0]?.emit(begin, delta("Half a"));
  reader.onMessage("/stop");
  await until(() => calls.length === 1);
  sent[0]?.emit({ ...{ type: "end", state: "cancelled", text: "Half a", usage: NO_USAGE, costUsd: 0 } });
  sent[0]?.end();
  await until(() => prompts === 2);

  expect(sent).toHaveLength(1);
  expect(screen).toContain("Stopped.\n");
});

test("leaving in the middle of an answer ends the chat at once, and asks nothing of a closed prompt", async () => {
  reader.onMessage("hello");
  reader.onMessage("typed ahead");
  await until(() => sent.length === 1);
  sent[0]?.emit(begin, delta("Half a"));
  isClosed = true;
  reader.onClose();
  await ended;

  expect(prompts).toBe(1);
  expect(sent).toHaveLength(1);
});

test("commands of the terminal are answered here; others go to the agent", async () => {
  const ask = async (text: string): Promise<void> => {
    const before = prompts;
    reader.onMessage(text);
    await until(() => prompts > before);
  };
  await ask("/status");
  await ask("/agent");
  await ask("/agent bob");
  await ask("/agent kate");
  await ask("/new");
  expect(sent).toHaveLength(0);
  expect(screen).toContain("All is calm.");
  expect(screen).toContain('There is no agent "bob".');
  expect(screen).toContain("You talk with Kate now.");

  reader.onMessage("/roll 2d6");
  await until(() => sent.length === 1);

  expect(sent[0]).toMatchObject({
    path: "/api/agents/kate/messages",
    body: { text: "/roll 2d6", session: "new-kate" },
  });
});

test("a refusal is told in a sentence that breaks at words, and the prompt comes back", async () => {
  reader.onMessage("hello");
  await until(() => sent.length === 1);
  sent[0]?.fail(
    new TroupeError("Too many messages are waiting just now. Try again in 3 s.", { code: "admission.full" }),
  );
  await until(() => prompts === 2);

  expect(screen).toContain("Too many messages are waiting just now.\nTry again in 3 s.\n");
});

test("what comes by itself is shown at the prompt, and waits while an answer is written", async () => {
  expect(tellNews(["Reminder: stretch"])).toBe(true);
  expect(screen).toBe("Reminder: stretch\n\n");
  reader.onMessage("hello");
  await until(() => sent.length === 1);

  expect(tellNews(["Reminder: drink"])).toBe(false);
  sent[0]?.emit(begin, replied("Hi."));
  sent[0]?.end();
  await until(() => prompts === 2);

  expect(tellNews(["Reminder: drink"])).toBe(true);
  expect(screen).toContain("Hi.");
  expect(owned).toEqual(["t1"]);
});
