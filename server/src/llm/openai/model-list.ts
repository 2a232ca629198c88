import type { CallOptions, Clock } from "@troupe/contracts";
import type { Dispatcher } from "undici";
import { type FailureContext, inSeconds, modelError, statusError, transportError } from "./failures.ts";

/** A list is small and made without thinking. */
const LIST_TIMEOUT_MS = 15_000;
const MAX_BODY = 4 * 1024 * 1024;

/** Asks `GET /models`. Rejects with a `model.*` error, or the signal's reason. */
export function fetchModelIds(
  dispatcher: Dispatcher,
  wire: {
    readonly path: string;
    readonly headers: string[];
    readonly failure: FailureContext;
    readonly clock: Clock;
  },
  { signal }: CallOptions,
): Promise<readonly string[]> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) {
      reject(signal.reason);
      return;
    }
    const { failure } = wire;
    let controller: Dispatcher.DispatchController | undefined;
    let status = 0;
    let headers: Readonly<Record<string, string | string[] | undefined>> = {};
    const pieces: Buffer[] = [];
    let length = 0;
    const settle = (finish: () => void): void => {
      timer[Symbol.dispose]();
      signal.removeEventListener("abort", onAbort);
      finish();
    };
    const giveUp = (reason: unknown): void => {
      settle(() => reject(reason));
      controller?.abort(new Error("The list is not wanted any more."));
    };
    const onAbort = (): void => giveUp(signal.reason);
    const timer = wire.clock.schedule(LIST_TIMEOUT_MS, () => {
      giveUp(
        modelError(failure, "model.timeout", `did not list its models within ${inSeconds(LIST_TIMEOUT_MS)}`, {
          retryable: true,
        }),
      );
    });
    signal.addEventListener("abort", onAbort, { once: true });
    dispatcher.dispatch(
      { path: wire.path, method: "GET", headers: wire.headers },
      {
        onRequestStart: (started) => {
          controller = started;
        },
        onResponseStart: (_controller, code, received) => {
          status = code;
          headers = received;
        },
        onResponseData: (_controller, bytes) => {
          length += bytes.length;
          pieces.push(bytes);
          if (length > MAX_BODY)
            giveUp(modelError(failure, "model.bad_response", "lists models without end"));
        },
        onResponseEnd: () =>
          settle(() => {
            const body = Buffer.concat(pieces).toString("utf8");
            const ids = status === 200 ? readIds(body) : undefined;
            if (ids !== undefined) resolve(ids);
            else if (status === 200)
              reject(
                modelError(failure, "model.bad_response", "lists its models in a form that cannot be read"),
              );
            else reject(statusError(failure, status, headers, body));
          }),
        onResponseError: (_controller, error) =>
          settle(() => reject(transportError(failure, error, length > 0))),
      },
    );
  });
}

function readIds(body: string): readonly string[] | undefined {
  try {
    const value: unknown = JSON.parse(body);
    if (typeof value !== "object" || value === null || !("data" in value) || !Array.isArray(value.data))
      return undefined;
    const ids = value.data.map((one: unknown) =>
      typeof one === "object" && one !== null && "id" in one ? one.id : "",
    );
    return ids.filter((id): id is string => typeof id === "string" && id !== "");
  } catch {
    return undefined;
  }
}
