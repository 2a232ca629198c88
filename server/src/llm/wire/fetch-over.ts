import type { Dispatcher } from "undici";
import { wellFormedJson } from "./well-formed.ts";

type Headers = Readonly<Record<string, string | string[] | undefined>>;

/** Statuses that must not have a body. Source: fetch.spec.whatwg.org, null body status. */
const WITHOUT_BODY: ReadonlySet<number> = new Set([101, 204, 205, 304]);

/** Longest body, in bytes: an answer of hundreds of thousands of tokens, with what is around each. */
const MAX_BODY_BYTES = 64 * 1024 * 1024;

/**
 * `fetch` over our own connections, as far as the providers' packages use it: one origin, texts as bodies. What the
 * connection did is rejected with, or ends the body with, as it is; an abort does the same with its reason, and a body
 * without end with `BodyTooLong`.
 */
export function fetchOver(dispatcher: () => Dispatcher): typeof globalThis.fetch {
  return (input, init = {}) =>
    new Promise((resolve, reject) => {
      const url = new URL(input instanceof Request ? input.url : input);
      const exchange = new Exchange(resolve, reject, init.signal ?? undefined);
      if (init.signal?.aborted === true) {
        exchange.fail(init.signal.reason);
        return;
      }
      const headers = Object.fromEntries(new globalThis.Headers(init.headers));
      const body = typeof init.body === "string" ? wellFormedJson(init.body) : null;
      dispatcher().dispatch(
        { path: url.pathname + url.search, method: (init.method ?? "GET") as "GET", headers, body },
        exchange,
      );
    });
}

/** The body is longer than any answer; whoever reads it may hold all of it. */
export class BodyTooLong extends Error {
  override readonly name = "BodyTooLong";

  constructor() {
    super(`The body is longer than ${MAX_BODY_BYTES} bytes.`);
  }
}

/** One request: the dispatcher's callbacks on one side, a `Response` on the other. */
class Exchange implements Dispatcher.DispatchHandler {
  readonly #resolve: (response: Response) => void;
  readonly #reject: (reason: unknown) => void;
  readonly #signal: AbortSignal | undefined;
  #request: Dispatcher.DispatchController | undefined;
  #body: ReadableStreamDefaultController<Uint8Array> | undefined;
  #isOver = false;
  #bytes = 0;

  constructor(
    resolve: (response: Response) => void,
    reject: (reason: unknown) => void,
    signal: AbortSignal | undefined,
  ) {
    this.#resolve = resolve;
    this.#reject = reject;
    this.#signal = signal;
    signal?.addEventListener("abort", this.#onAbort, { once: true });
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#request = controller;
    // Ended while it waited for a free connection.
    if (this.#isOver) controller.abort(new Error("The answer is not wanted any more."));
  }

  onResponseStart(_controller: Dispatcher.DispatchController, status: number, headers: Headers): void {
    if (status < 200 || this.#isOver) return;
    const stream = new ReadableStream<Uint8Array>({
      start: (controller) => {
        this.#body = controller;
      },
      pull: () => this.#request?.resume(),
      cancel: (reason) => this.fail(reason),
    });
    const response = new Response(WITHOUT_BODY.has(status) ? null : stream, {
      status,
      headers: plain(headers),
    });
    this.#resolve(response);
  }

  onResponseData(controller: Dispatcher.DispatchController, bytes: Buffer): void {
    // After a pause there is sometimes a read of nothing, and passing it on would pause again.
    if (this.#isOver || this.#body === undefined || bytes.length === 0) return;
    this.#bytes += bytes.length;
    if (this.#bytes > MAX_BODY_BYTES) {
      this.fail(new BodyTooLong());
      return;
    }
    this.#body.enqueue(bytes);
    if ((this.#body.desiredSize ?? 1) <= 0) controller.pause();
  }

  onResponseEnd(): void {
    if (this.#end()) this.#body?.close();
  }

  onResponseError(_controller: Dispatcher.DispatchController | null, error: Error): void {
    this.fail(error);
  }

  fail(reason: unknown): void {
    if (!this.#end()) return;
    this.#reject(reason);
    // A body that its reader cancelled is closed already.
    try {
      this.#body?.error(reason);
    } catch {}
    this.#request?.abort(reason instanceof Error ? reason : new Error("The answer is not wanted any more."));
  }

  readonly #onAbort = (): void => this.fail(this.#signal?.reason);

  /** True for the first end. */
  #end(): boolean {
    if (this.#isOver) return false;
    this.#isOver = true;
    this.#signal?.removeEventListener("abort", this.#onAbort);
    return true;
  }
}

function plain(headers: Headers): [string, string][] {
  return Object.entries(headers).flatMap(([name, value]): [string, string][] =>
    value === undefined ? [] : [[name, Array.isArray(value) ? value.join(", ") : value]],
  );
}
