/**
 * What servers send, as far as we look at it. Nothing here is trusted: readers check what they use.
 * Source: platform.openai.com/docs/api-reference/chat-streaming.
 */
export interface WireChunk {
  readonly choices?: readonly (WireChoice | null)[];
  readonly usage?: WireUsage | null;
  readonly error?: WireError | string | null;
}

export interface WireChoice {
  readonly delta?: WireDelta | null;
  /** In place of `delta` when the server does not stream. */
  readonly message?: WireDelta | null;
  readonly finish_reason?: string | null;
}

export interface WireDelta {
  readonly content?: string | readonly { readonly text?: unknown }[] | null;
  readonly refusal?: string | null;
  readonly reasoning_content?: string | null;
  readonly reasoning?: string | null;
  /** OpenRouter's and MiniMax's. */
  readonly reasoning_details?: readonly (WireThought | null)[] | null;
  readonly tool_calls?: readonly (WireToolCall | null)[] | null;
}

export interface WireThought {
  readonly type?: unknown;
  readonly index?: unknown;
  readonly text?: unknown;
  readonly summary?: unknown;
  readonly data?: unknown;
  readonly signature?: unknown;
}

export interface WireToolCall {
  readonly index?: number;
  readonly id?: string | null;
  readonly function?: { readonly name?: string | null; readonly arguments?: unknown };
}

export interface WireUsage {
  readonly prompt_tokens?: unknown;
  readonly completion_tokens?: unknown;
  readonly prompt_tokens_details?: {
    readonly cached_tokens?: unknown;
    readonly cache_write_tokens?: unknown;
  } | null;
  readonly completion_tokens_details?: { readonly reasoning_tokens?: unknown } | null;
  readonly prompt_cache_hit_tokens?: unknown;
}

export interface WireError {
  readonly message?: unknown;
  readonly type?: unknown;
  readonly code?: unknown;
}
