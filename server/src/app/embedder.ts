import type {
  AccountLimit,
  Budgets,
  CallOptions,
  Clock,
  EmbeddingCall,
  EmbeddingRouter,
  IdGenerator,
  Ledger,
  ModelChoice,
  ModelPrice,
  ModelRouter,
  Spender,
  UnitOfWork,
  Write,
} from "@troupe/contracts";
import { TroupeError } from "@troupe/contracts";
import type { Embedder } from "../gateway/index.ts";
import { type CallAbout, callRecord, costMicroUsd, dayOf, estimateTokens } from "../kit/index.ts";
import type { Config } from "./config/index.ts";

export interface EmbedderDeps {
  readonly router: EmbeddingRouter & Pick<ModelRouter, "choices">;
  readonly budgets: Budgets;
  readonly unit: UnitOfWork;
  readonly ledger: Pick<Ledger, "reserve" | "release" | "record">;
  readonly clock: Clock;
  readonly ids: IdGenerator;
  readonly config: () => Pick<Config, "models">;
}

interface PaidRequest {
  readonly spender: Spender;
  /** Whose key it is, in the books; empty: Troupe's own work. */
  readonly ownerId: string;
  /** A logical name, or `provider/model`. */
  readonly name: string;
  readonly texts: readonly string[];
  readonly dimensions?: number;
}

/** Vectors whose cost is reserved before and settled after. Rejects as `Embedder` does. */
export type PaidEmbedding = (
  request: PaidRequest,
  options: CallOptions,
) => ReturnType<EmbeddingRouter["embed"]>;

/** Settling is not given up because the client left. */
const NEVER: AbortSignal = new AbortController().signal;

/** Vectors for a caller, of the lists that the operator configured and of no other model. Source: design §2 rule 8. */
export function createEmbedder(deps: EmbedderDeps): Embedder {
  const embed = createPaidEmbedding(deps);
  return {
    async embed({ principal, peerId, name, ...texts }, options) {
      const { models } = deps.config();
      if (!Object.hasOwn(models, name)) throw unknownList(name, Object.keys(models));
      const spender = { spaceId: principal.spaceId, agentId: "", peerId };
      return await embed({ spender, ownerId: principal.id, name, ...texts }, options);
    },
  };
}

export function createPaidEmbedding(deps: Omit<EmbedderDeps, "config">): PaidEmbedding {
  return async ({ spender, ownerId, ...request }, options) => {
    const at = deps.clock.now();
    const choices = deps.router.choices(request.name);
    const holder = deps.ids.next();
    const ask = { choices, texts: request.texts, accounts: deps.budgets.of(spender, at), holder };
    const reserved = await reserve(deps, ask, options.signal);
    const about: CallAbout = {
      ...spender,
      ...{ sessionId: "", turnId: "", ownerId, storylineId: undefined },
      ...{ purpose: "embedding", day: dayOf(at) },
    };
    const writes: Write[] = [];
    const onCall = (call: EmbeddingCall): void => {
      const choice = choices.find(({ name }) => name === call.model);
      // What ships is free, and a line in the books for each question would cost more than the question.
      if (ownerId === "" && choice?.price !== undefined && isFree(choice.price)) return;
      writes.push(deps.ledger.record(recordOf(deps, about, call, choice)));
    };
    try {
      return await deps.router.embed(request, { ...options, onCall });
    } finally {
      if (reserved) writes.push(deps.ledger.release(holder));
      if (writes.length > 0) await deps.unit.commit(writes, { signal: NEVER });
    }
  };
}

function isFree({ inputUsdPerMillion }: ModelPrice): boolean {
  return inputUsdPerMillion === 0;
}

function recordOf(
  { ids, clock }: Pick<EmbedderDeps, "ids" | "clock">,
  about: CallAbout,
  call: EmbeddingCall,
  known: Pick<ModelChoice, "name" | "price"> | undefined,
): ReturnType<typeof callRecord> {
  const { model, outcome, usage, estimated, latencyMs, error } = call;
  const choice = known ?? { name: model, price: undefined };
  const reason = outcome === "ok" ? ("stop" as const) : outcome;
  const told = error === undefined ? {} : { error };
  const end = { type: "end", reason, usage, estimated, ...told } as const;
  return callRecord(about, { id: ids.next(), at: clock.now(), choice, end, latencyMs });
}

async function reserve(
  { unit, ledger }: Pick<EmbedderDeps, "unit" | "ledger">,
  ask: {
    readonly choices: readonly ModelChoice[];
    readonly texts: readonly string[];
    readonly accounts: readonly AccountLimit[];
    readonly holder: string;
  },
  signal: AbortSignal,
): Promise<boolean> {
  const { choices, texts, accounts, holder } = ask;
  if (accounts.length === 0) return false;
  const inputTokens = texts.reduce((sum, text) => sum + estimateTokens(text), 0);
  const usage = { inputTokens, cachedInputTokens: 0, outputTokens: 0 };
  const microUsd = Math.max(0, ...choices.map(({ price }) => costMicroUsd(usage, price)));
  if (microUsd === 0) return false;
  await unit.commit([ledger.reserve({ holder, microUsd, accounts })], { signal });
  return true;
}

function unknownList(name: string, known: readonly string[]): TroupeError {
  const message = `There is no list of models "${name.slice(0, 64)}". Known in troupe.yaml: ${known.join(", ")}.`;
  return new TroupeError(message, { code: "request.not_found" });
}
