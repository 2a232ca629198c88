import { TroupeError } from "@troupe/contracts";
import type { Reader } from "../reads.ts";
import type { StatementText } from "../statement.ts";
import { flat, type Question, settle, stillAsked } from "./questions.ts";
import { type StoreThread, startThread } from "./thread.ts";

/**
 * The reader thread, started by the first question; until it is up `near` answers, so that the first recall after a start
 * waits for no thread. Questions of one tick go over together.
 */
export function createThreadReader(deps: {
  readonly path: string;
  readonly near: Reader;
  readonly texts: () => readonly StatementText[];
}): Reader & {
  close(): Promise<void>;
} {
  let thread: Promise<StoreThread> | undefined;
  let waiting: Question[] = [];
  let isAsking = false;
  let isUp = false;
  let isClosed = false;

  const start = async (): Promise<StoreThread> => {
    const started = startThread(new URL("./reader.worker.ts", import.meta.url), "reader");
    await started.start({ path: deps.path, statements: deps.texts() });
    isUp = true;
    return started;
  };
  const startBeside = (): void => {
    thread ??= start();
    // The next question starts it again.
    thread.catch(() => {
      thread = undefined;
    });
  };

  const ask = (): void => {
    const questions = stillAsked(waiting);
    waiting = [];
    if (questions.length === 0 || thread === undefined) {
      isAsking = false;
      return;
    }
    const settleAll = (error: unknown): void => {
      isAsking = false;
      for (const { reject } of questions) reject(error);
    };
    thread.then((ready) => {
      ready.ask(flat(questions), (answer) => {
        if (answer instanceof TroupeError) {
          // A thread that stopped is started again by the next question.
          thread = undefined;
          isUp = false;
          settleAll(answer);
          return answerBy(deps.near, waiting.splice(0));
        }
        settle(questions, answer);
        if (waiting.length > 0) ask();
        else isAsking = false;
      });
    }, settleAll);
  };

  return {
    query(index, values, options) {
      const { signal } = options;
      if (!isUp && !isClosed && !signal.aborted) {
        startBeside();
        return deps.near.query(index, values, options);
      }
      return new Promise((resolve, reject) => {
        if (signal.aborted) return reject(signal.reason);
        if (isClosed) return reject(closedError());
        waiting.push({ index, values, signal, resolve, reject });
        if (isAsking) return;
        isAsking = true;
        setImmediate(ask);
      });
    },
    async close() {
      isClosed = true;
      await (await thread?.catch(() => undefined))?.close();
    },
  };
}

function answerBy(reader: Reader, questions: readonly Question[]): void {
  for (const { index, values, signal, resolve, reject } of questions)
    reader.query(index, values, { signal }).then(resolve, reject);
}

function closedError(): TroupeError {
  return new TroupeError("The store is closed: Troupe is shutting down.", { code: "store.closed" });
}
