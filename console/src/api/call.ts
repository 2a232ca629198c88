import { ApiProblem, awayProblem } from "./problem.ts";

export type Method = "GET" | "POST" | "PATCH" | "PUT" | "DELETE";

export interface CallSettings {
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal | undefined;
}

/** Who is told that this browser is signed in no more. */
let onSignedOut: () => void = () => undefined;

export function whenSignedOut(tell: () => void): void {
  onSignedOut = tell;
}

/** One call of the API. Rejects with an `ApiProblem`, or with the signal's reason. */
export async function request(method: Method, path: string, settings: CallSettings = {}): Promise<Response> {
  const { body, headers = {}, signal } = settings;
  const isRaw = body instanceof Blob;
  let response: Response;
  try {
    response = await fetch(path, {
      method,
      credentials: "same-origin",
      cache: "no-store",
      headers: body === undefined || isRaw ? headers : { "content-type": "application/json", ...headers },
      ...(body === undefined ? {} : { body: isRaw ? body : JSON.stringify(body) }),
      ...(signal === undefined ? {} : { signal }),
    });
  } catch (cause) {
    signal?.throwIfAborted();
    throw awayProblem(cause);
  }
  if (response.ok) return response;
  const problem = await problemOf(response);
  if (response.status === 401) onSignedOut();
  throw problem;
}

export async function call<Result>(method: Method, path: string, settings?: CallSettings): Promise<Result> {
  const response = await request(method, path, settings);
  if (response.status === 204) return undefined as Result;
  try {
    return (await response.json()) as Result;
  } catch (cause) {
    settings?.signal?.throwIfAborted();
    throw new ApiProblem("The answer broke off.", { code: "offline", status: response.status, cause });
  }
}

async function problemOf(response: Response): Promise<ApiProblem> {
  const { status } = response;
  const wait = Number(response.headers.get("retry-after-ms"));
  const retryAfterMs = Number.isFinite(wait) && wait > 0 ? wait : undefined;
  try {
    const { code, detail, turnId } = (await response.json()) as Record<string, string | undefined>;
    if (code !== undefined) return new ApiProblem(detail ?? code, { code, status, turnId, retryAfterMs });
  } catch {
    // Not ours, say a proxy's page: told by its status.
  }
  const code = status === 502 || status === 503 || status === 504 ? "not_ready" : "internal";
  return new ApiProblem(`The answer was ${status}.`, { code, status, retryAfterMs });
}
