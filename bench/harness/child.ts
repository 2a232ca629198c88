import { type ChildProcess, fork } from "node:child_process";
import { fileURLToPath } from "node:url";

/** A process of the harness that answers commands. */
export interface Child extends AsyncDisposable {
  readonly processId: number;
  /** What the process said when it was ready. */
  readonly greeting: unknown;
  /** Rejects when the process fails, ends, or takes longer than `withinMs`. */
  ask(command: unknown, withinMs?: number): Promise<unknown>;
}

interface Answer {
  readonly id: number;
  readonly value?: unknown;
  readonly error?: string;
}

const READY_WITHIN_MS = 60_000;
const ANSWER_WITHIN_MS = 120_000;
const END_WITHIN_MS = 15_000;

/** Starts a module of the harness and waits until it says that it is ready, by an answer with the id 0. */
export async function startChild(
  module: URL,
  args: readonly string[] = [],
  environment: Readonly<Record<string, string>> = {},
): Promise<Child> {
  const child = fork(fileURLToPath(module), args, {
    env: { ...process.env, ...environment },
    stdio: ["ignore", "inherit", "inherit", "ipc"],
  });
  const answers = answersOf(child);
  let lastId = 0;
  const greeting = await answers.wait(0, READY_WITHIN_MS).catch((error: unknown) => {
    child.kill("SIGKILL");
    throw error;
  });
  return {
    processId: child.pid as number,
    greeting,
    ask(command, withinMs = ANSWER_WITHIN_MS) {
      const id = ++lastId;
      const answer = answers.wait(id, withinMs);
      child.send({ id, command });
      return answer;
    },
    async [Symbol.asyncDispose]() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const ended = new Promise((resolve) => child.once("exit", resolve));
      // The children close what they hold and end by themselves when nobody commands them any more.
      if (child.connected) child.disconnect();
      const timer = setTimeout(() => child.kill("SIGKILL"), END_WITHIN_MS);
      await ended;
      clearTimeout(timer);
    },
  };
}

function answersOf(child: ChildProcess): { wait(id: number, withinMs: number): Promise<unknown> } {
  const waiting = new Map<number, PromiseWithResolvers<unknown>>();
  child.on("message", (message) => {
    const { id, value, error } = message as Answer;
    const slot = waiting.get(id);
    waiting.delete(id);
    if (error === undefined) slot?.resolve(value);
    else slot?.reject(new Error(error));
  });
  child.on("exit", (code, signal) => {
    for (const slot of waiting.values()) {
      slot.reject(new Error(`${child.spawnargs[1]} ended with ${signal ?? code} before it answered.`));
    }
    waiting.clear();
  });
  return {
    async wait(id, withinMs) {
      const slot = Promise.withResolvers<unknown>();
      waiting.set(id, slot);
      const timer = setTimeout(
        () => slot.reject(new Error(`${child.spawnargs[1]} did not answer within ${withinMs / 1000} s.`)),
        withinMs,
      );
      try {
        return await slot.promise;
      } finally {
        clearTimeout(timer);
        waiting.delete(id);
      }
    },
  };
}
