import type { Config } from "../config/index.ts";

export type SetupKind = Config["providers"][string]["kind"];

/** A provider that the wizard knows by name. */
export interface KnownProvider {
  readonly kind: SetupKind;
  /** Its name in troupe.yaml. */
  readonly name: string;
  /** What people call it. */
  readonly title: string;
  /** Where it is; absent where its kind says so. */
  readonly baseUrl?: string;
  /** Variables of the environment that usually hold its key. */
  readonly variables: readonly string[];
  /** Where a key is made. */
  readonly keyPage?: string;
  /** A server on this machine, which needs no key. */
  readonly isLocal: boolean;
}

/** Sources: the providers' own pages, November 2026. */
export const KNOWN_PROVIDERS: readonly KnownProvider[] = [
  hosted("anthropic", "Anthropic", "https://platform.claude.com/settings/keys"),
  hosted("openai", "OpenAI", "https://platform.openai.com/api-keys"),
  hosted("google", "Google Gemini", "https://aistudio.google.com/apikey", "GEMINI_API_KEY"),
  hosted("openrouter", "OpenRouter", "https://openrouter.ai/settings/keys"),
  hosted("deepseek", "DeepSeek", "https://platform.deepseek.com/api_keys"),
  hosted("minimax", "MiniMax", "https://platform.minimax.io"),
  local("ollama", "Ollama", "http://127.0.0.1:11434/v1"),
  local("vllm", "vLLM", "http://127.0.0.1:8000/v1"),
  local("lmstudio", "LM Studio", "http://127.0.0.1:1234/v1"),
];

/** Its kind says where it is. */
function hosted(kind: SetupKind, title: string, keyPage: string, variable?: string): KnownProvider {
  const variables = [...(variable === undefined ? [] : [variable]), `${kind.toUpperCase()}_API_KEY`];
  return { kind, name: kind, title, variables, keyPage, isLocal: false };
}

function local(name: string, title: string, baseUrl: string): KnownProvider {
  return { kind: "openai-compatible", name, title, baseUrl, variables: [], isLocal: true };
}
