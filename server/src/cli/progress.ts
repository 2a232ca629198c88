import type { Output } from "./output.ts";

/** One line that says how far something is; nothing where nobody looks, or where programs read. */
export interface Progress extends Disposable {
  tell(what: string, share: number): void;
}

const LEAST_PAUSE_MS = 100;

export function createProgress(output: Output): Progress {
  const { stderr } = process;
  const isShown = stderr.isTTY === true && !output.isJson;
  let toldAt = Number.NEGATIVE_INFINITY;
  let isOpen = false;
  return {
    tell(what, share) {
      const now = performance.now();
      if (!isShown || now - toldAt < LEAST_PAUSE_MS) return;
      toldAt = now;
      isOpen = true;
      stderr.write(`\r\x1b[K${what} … ${Math.round(share * 100)} %`);
    },
    [Symbol.dispose]() {
      if (isOpen) stderr.write("\r\x1b[K");
    },
  };
}

const ENDING = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** Aborts on Ctrl-C, on a request to end and when the terminal is closed, until disposed; what is half done is taken back. */
export function abortOnSignals(): { readonly signal: AbortSignal } & Disposable {
  const controller = new AbortController();
  const abort = (): void => controller.abort(new Error("interrupted"));
  for (const name of ENDING) process.on(name, abort);
  return {
    signal: controller.signal,
    [Symbol.dispose]() {
      for (const name of ENDING) process.off(name, abort);
    },
  };
}
