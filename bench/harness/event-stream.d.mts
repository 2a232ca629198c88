export interface EventStreamClient {
  /**
   * Posts `body` and hands each event's data to `onData`. Rejects on any status but 200, and on a stream that ends
   * without `[DONE]`.
   */
  post(
    path: string,
    headers: Readonly<Record<string, string>>,
    body: string,
    onData: (data: string) => void,
  ): Promise<void>;
  close(): void;
}

export function createEventStreamClient(to: {
  readonly port: number;
  readonly headers?: Readonly<Record<string, string>>;
}): EventStreamClient;
