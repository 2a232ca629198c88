import { type CallOptions, type Clock, type ModelPrice, TroupeError } from "@troupe/contracts";
import { costMicroUsd, createLogger, createMetrics, linkSignal, systemClock } from "../../kit/index.ts";
import { createModelRouter, mayCost, openPriceBook, openProvider } from "../../llm/index.ts";
import type { Config } from "../config/index.ts";
import { KNOWN_PROVIDERS, type KnownProvider } from "./known.ts";

/** A provider as it would stand in the settings, its key in clear. */
export interface Candidate {
  readonly name: string;
  readonly settings: Config["providers"][string];
}

export interface OfferedModel {
  readonly id: string;
  /** Undefined where nobody published one. */
  readonly price: ModelPrice | undefined;
  /** It runs here and costs nothing. */
  readonly isFree: boolean;
  /** Tokens. */
  readonly contextWindow: number | undefined;
}

export interface Trial {
  readonly text: string;
  readonly tookMs: number;
  /** Undefined where nobody told a price. */
  readonly costMicroUsd: number | undefined;
}

/** A local model may have to be loaded first; nobody waits for a dead server longer than that. */
const TRIAL_TIMEOUTS = { connectMs: 5_000, firstTokenMs: 60_000, idleMs: 30_000 };
const TRIAL_TOKENS = 200;
const TRIAL_TEXT = "Say hello in one short sentence.";
const LOOK_MS = 800;

/** The models of a provider that answer, the priced ones first. Rejects with `model.*`, or the signal's reason. */
export async function listModels(
  candidate: Candidate,
  options: CallOptions,
): Promise<readonly OfferedModel[]> {
  const { name, settings } = candidate;
  const clock = systemClock();
  const provider = openProvider(name, settings, { clock, random: Math.random });
  try {
    const rows = (await provider?.listModels(options)) ?? [];
    const prices = mayCost(settings) ? await openPriceBook(clock) : undefined;
    return rows
      .filter((row) => !row.isEmbedding)
      .map(({ id, contextWindow }) => {
        const price = prices?.find(settings, id);
        const window = contextWindow ?? prices?.windowOf(settings, id);
        return { id, price, isFree: prices === undefined, contextWindow: window };
      })
      .toSorted((a, b) => Number(b.price !== undefined) - Number(a.price !== undefined));
  } finally {
    await provider?.close();
  }
}

/** Sends one real message. Rejects with `model.*`, or the signal's reason. */
export async function tryModel(candidate: Candidate, modelId: string, options: CallOptions): Promise<Trial> {
  const clock = systemClock();
  await using router = await openRouter(candidate);
  const [choice] = router.choices(`${candidate.name}/${modelId}`);
  if (choice === undefined) throw new TypeError("A name of a provider and a model is always a choice.");
  const began = clock.monotonicMs();
  let text = "";
  const request = {
    messages: [{ role: "user", text: TRIAL_TEXT }],
    tools: [],
    maxOutputTokens: TRIAL_TOKENS,
  } as const;
  for await (const event of choice.model.stream(request, options)) {
    if (event.type === "text-delta") text += event.text;
    if (event.type !== "end") continue;
    options.signal.throwIfAborted();
    if (event.error !== undefined) throw event.error;
    const { price } = choice;
    const tookMs = Math.round(clock.monotonicMs() - began);
    return { text: text.trim(), tookMs, costMicroUsd: price && costMicroUsd(event.usage, price) };
  }
  throw new TroupeError(`The model "${choice.name}" said nothing.`, { code: "model.bad_response" });
}

async function openRouter({ name, settings }: Candidate) {
  const clock = systemClock();
  const provider = { ...settings, timeouts: { ...TRIAL_TIMEOUTS, ...settings.timeouts } };
  const router = createModelRouter({
    config: { providers: { [name]: provider }, models: {} },
    ...{ clock, random: Math.random, logger: createLogger({ level: "silent" }), metrics: createMetrics() },
    priceBook: mayCost(provider) ? await openPriceBook(clock) : undefined,
  });
  return Object.assign(router, { [Symbol.asyncDispose]: () => router.close() });
}

/** A server of models that answers on this machine. */
export interface FoundServer {
  readonly known: KnownProvider;
  readonly models: number;
}

/** Looks on the usual ports of this machine, side by side, for less than a second. */
export async function findLocalServers(
  options: CallOptions,
  clock: Clock = systemClock(),
): Promise<readonly FoundServer[]> {
  const look = async (known: KnownProvider): Promise<FoundServer | undefined> => {
    using linked = linkSignal(options.signal, {
      clock,
      afterMs: LOOK_MS,
      reason: () => new Error("Nobody answers."),
    });
    try {
      const response = await fetch(`${known.baseUrl}/models`, { signal: linked.signal });
      const body = (await response.json()) as { readonly data?: unknown };
      return Array.isArray(body.data) ? { known, models: body.data.length } : undefined;
    } catch {
      return undefined;
    }
  };
  const found = await Promise.all(KNOWN_PROVIDERS.filter((known) => known.isLocal).map(look));
  options.signal.throwIfAborted();
  return found.filter((server) => server !== undefined);
}
