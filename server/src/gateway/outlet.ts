import type { ServerResponse } from "node:http";
import { RESPONSE_ALREADY_SENT } from "@hono/node-server/utils/response";
import type { Clock } from "@troupe/contracts";
import type { PublicCall } from "./call.ts";

/** Why a stream ended before we ended it. */
export type GoneReason = "client-left" | "client-too-slow";

/** An open event stream to one client. Writing never waits; a client that does not read is let go. */
export interface Outlet {
  /** What the route answers with. */
  readonly response: Response;
  write(text: string): void;
  /** Writes the last text, then ends. */
  end(text: string): void;
}

export interface OutletOptions {
  readonly headers: Readonly<Record<string, string>>;
  readonly bufferedBytes: number;
  /**
   * The headers and the first text may wait a little for what follows them: a model that answers at once is then told of in one write
   * instead of two, and its call goes out first. Absent: they are sent at once.
   */
  readonly firstMayWait?: Pick<Clock, "schedule">;
  /** At most once, and never after `end`. */
  readonly onGone: (reason: GoneReason) => void;
  /** Once, when `end` was written. Exactly one of the two is called. */
  readonly onEnded: () => void;
}

const STREAM_HEADERS = {
  "content-type": "text/event-stream; charset=utf-8",
  "cache-control": "no-store",
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  // nginx keeps whole responses back otherwise. Source: nginx.org, ngx_http_proxy_module, proxy_buffering.
  "x-accel-buffering": "no",
};

/** So long the first text waits where it may: nobody notices, and a model nearby has answered. */
const FIRST_WAITS_MS = 25;

/** Sends the headers, together with `first`, and keeps the stream open. */
export function openOutlet(call: PublicCall, first: string, options: OutletOptions): Outlet {
  return call.node === undefined
    ? webOutlet(call, first, options)
    : new NodeOutlet(call.node.outgoing, first, options);
}

class NodeOutlet implements Outlet {
  readonly response = RESPONSE_ALREADY_SENT;
  readonly #outgoing: ServerResponse;
  readonly #options: OutletOptions;
  #isOver = false;
  /** Text that waits for what follows it. */
  #held = "";
  #timer: Disposable | undefined;

  constructor(outgoing: ServerResponse, first: string, options: OutletOptions) {
    this.#outgoing = outgoing;
    this.#options = options;
    outgoing.on("close", () => this.#gone("client-left"));
    if (outgoing.destroyed) {
      queueMicrotask(() => this.#gone("client-left"));
      return;
    }
    outgoing.writeHead(200, { ...STREAM_HEADERS, ...options.headers });
    if (first === "") outgoing.flushHeaders();
    else if (options.firstMayWait === undefined) outgoing.write(first);
    else {
      this.#held = first;
      this.#timer = options.firstMayWait.schedule(FIRST_WAITS_MS, () => this.write(""));
    }
  }

  write(text: string): void {
    if (this.#isOver || this.#outgoing.destroyed) return;
    if (this.#outgoing.writableLength > this.#options.bufferedBytes) this.#letGo();
    else this.#outgoing.write(this.#withHeld(text));
  }

  end(text: string): void {
    if (this.#isOver || this.#outgoing.destroyed) return;
    if (this.#outgoing.writableLength > this.#options.bufferedBytes) {
      this.#letGo();
      return;
    }
    this.#isOver = true;
    this.#outgoing.end(this.#withHeld(text));
    this.#options.onEnded();
  }

  #withHeld(text: string): string {
    if (this.#timer === undefined) return text;
    this.#timer[Symbol.dispose]();
    this.#timer = undefined;
    return this.#held + text;
  }

  #letGo(): void {
    this.#gone("client-too-slow");
    this.#outgoing.destroy();
  }

  #gone(reason: GoneReason): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#timer?.[Symbol.dispose]();
    this.#options.onGone(reason);
  }
}

/** In process: the command line under the home's lock, and tests. */
function webOutlet(call: PublicCall, first: string, options: OutletOptions): Outlet {
  const encoder = new TextEncoder();
  let controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  let isOver = false;
  const gone = (reason: GoneReason): void => {
    if (isOver) return;
    isOver = true;
    options.onGone(reason);
  };
  const body = new ReadableStream<Uint8Array>(
    {
      start(opened) {
        controller = opened;
        if (first !== "") opened.enqueue(encoder.encode(first));
      },
      cancel: () => gone("client-left"),
    },
    { highWaterMark: options.bufferedBytes, size: (chunk) => chunk.byteLength },
  );
  call.context.req.raw.signal.addEventListener("abort", () => gone("client-left"), { once: true });
  return {
    response: new Response(body, { headers: { ...STREAM_HEADERS, ...options.headers } }),
    write(text) {
      if (isOver || controller === undefined) return;
      if ((controller.desiredSize ?? 0) <= 0) {
        gone("client-too-slow");
        controller.error(new Error("The reader is too slow."));
        return;
      }
      controller.enqueue(encoder.encode(text));
    },
    end(text) {
      if (isOver || controller === undefined) return;
      isOver = true;
      controller.enqueue(encoder.encode(text));
      controller.close();
      options.onEnded();
    },
  };
}
