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

/** Aborts on Ctrl-C and on a request to end, until disposed; what is half done is taken back. */
export function abortOnSignals(): { readonly signal: AbortSignal } & Disposable {
  const controller = new AbortController();
  const abort = (): void => controller.abort(new Error("interrupted"));
  process.on("SIGINT", abort);
  process.on("SIGTERM", abort);
  return {
    signal: controller.signal,
    [Symbol.dispose]() {
      process.off("SIGINT", abort);
      process.off("SIGTERM", abort);
    },
  };
}
