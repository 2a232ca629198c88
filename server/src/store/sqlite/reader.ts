import { type Clock, TroupeError } from "@troupe/contracts";
import type { Reader } from "../reads.ts";
import type { StatementText } from "../statement.ts";
import { flat, type Question, settle, stillAsked } from "./questions.ts";
import { type StoreThread, startThread } from "./thread.ts";

/** What a question that is small as a rule may take on the asking thread before the reader thread is started after all. */
const MOST_MS = 20;

/** So long after it was found to be wanted the thread is started: a turn that asks has its first words by then. */
const START_AFTER_MS = 250;

interface ReaderDeps {
  readonly path: string;
  readonly near: Reader;
  readonly clock: Pick<Clock, "monotonicMs" | "schedule">;
  readonly texts: () => readonly StatementText[];
}

/**
 * The reader thread, started soon after the first question that is not small as a rule, or took long; until it is up `near` answers,
 * so that the first recall after a start waits for no thread, and a process that nobody talks to has none: it would take 10 MB.
 * Questions of one tick go over together.
 */
export function createThreadReader(deps: ReaderDeps): Reader & { close(): Promise<void> } {
  const { near, clock } = deps;
  const thread = createLateThread(deps);
  let waiting: Question[] = [];
  let isAsking = false;
  let isClosed = false;

  const small: Reader["query"] = (index, values, options) => {
    const beganMs = clock.monotonicMs();
    const found = near.query(index, values, options);
    if (clock.monotonicMs() - beganMs > MOST_MS) thread.want();
    return found;
  };

  const ask = (): void => {
    const questions = stillAsked(waiting);
    waiting = [];
    const { up } = thread;
    if (up === undefined || questions.length === 0) {
      isAsking = false;
      answerBy(near, questions);
      return;
    }
    up.ask(flat(questions), (answer) => {
      if (answer instanceof TroupeError) {
        // A thread that stopped is started again by the next question.
        thread.lose();
        isAsking = false;
        for (const { reject } of questions) reject(answer);
        return answerBy(near, waiting.splice(0));
      }
      settle(questions, answer);
      if (waiting.length > 0) ask();
      else isAsking = false;
    });
  };

  return {
    query(index, values, options) {
      const { signal } = options;
      if (thread.up === undefined && !isClosed && !signal.aborted) {
        if (deps.texts()[index]?.isSmall === true) return small(index, values, options);
        thread.want();
        return near.query(index, values, options);
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
    close() {
      isClosed = true;
      return thread.close();
    },
  };
}

/** A thread that is started a while after it was wanted for the first time, and anew when it was lost or could not start. */
function createLateThread(deps: ReaderDeps) {
  let timer: Disposable | undefined;
  let starting: Promise<StoreThread> | undefined;
  let up: StoreThread | undefined;
  const lose = (): void => {
    timer = undefined;
    starting = undefined;
    up = undefined;
  };
  const start = (): void => {
    starting = startGreeted(deps);
    starting.then((ready) => {
      up = ready;
    }, lose);
  };
  return {
    get up() {
      return up;
    },
    want(): void {
      timer ??= deps.clock.schedule(START_AFTER_MS, start);
    },
    lose,
    async close(): Promise<void> {
      timer?.[Symbol.dispose]();
      await (await starting?.catch(() => undefined))?.close();
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
