import { type Clock, TroupeError } from "@troupe/contracts";
import type { Reader } from "../reads.ts";
import type { StatementText } from "../statement.ts";
import { flat, type Question, settle, stillAsked } from "./questions.ts";
import { type StoreThread, startThread } from "./thread.ts";

/** What a question that is small as a rule may take on the asking thread before the reader thread is started after all. */
const MOST_MS = 20;

interface ReaderDeps {
  readonly path: string;
  readonly near: Reader;
  readonly clock: Pick<Clock, "monotonicMs">;
  readonly texts: () => readonly StatementText[];
}

/**
 * The reader thread, started by the first question that is not small as a rule, or took long; until it is up `near` answers, so that
 * the first recall after a start waits for no thread, and a process that nobody talks to has none: it would take 10 MB. Questions of
 * one tick go over together.
 */
export function createThreadReader(deps: ReaderDeps): Reader & { close(): Promise<void> } {
  let thread: Promise<StoreThread> | undefined;
  let waiting: Question[] = [];
  let isAsking = false;
  let isUp = false;
  let isClosed = false;

  const startBeside = (): void => {
    if (thread !== undefined) return;
    thread = startGreeted(deps);
    const started = thread.then(() => {
      isUp = true;
    });
    // The next question starts it again.
    started.catch(() => {
      thread = undefined;
    });
  };
  const small: Reader["query"] = (index, values, options) => {
    const beganMs = deps.clock.monotonicMs();
    const found = deps.near.query(index, values, options);
    if (deps.clock.monotonicMs() - beganMs > MOST_MS) startBeside();
    return found;
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
        if (thread === undefined && deps.texts()[index]?.isSmall === true)
          return small(index, values, options);
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

async function startGreeted({ path, texts }: ReaderDeps): Promise<StoreThread> {
  const thread = startThread(new URL("./reader.worker.ts", import.meta.url), "reader");
  await thread.start({ path, statements: texts() });
  return thread;
}

function answerBy(reader: Reader, questions: readonly Question[]): void {
  for (const { index, values, signal, resolve, reject } of questions)
    reader.query(index, values, { signal }).then(resolve, reject);
}

function closedError(): TroupeError {
  return new TroupeError("The store is closed: Troupe is shutting down.", { code: "store.closed" });
}
