import type {
  AccountLimit,
  Budgets,
  Clock,
  EmbeddingCall,
  EmbeddingRouter,
  IdGenerator,
  Ledger,
  ModelRouter,
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

type Request = Parameters<Embedder["embed"]>[0];

/** Settling is not given up because the client left. */
const NEVER: AbortSignal = new AbortController().signal;

/** Vectors for a caller, of the lists that the operator configured and of no other model. Source: design §2 rule 8. */
export function createEmbedder(deps: EmbedderDeps): Embedder {
  return {
    async embed(request, options) {
      const { principal, peerId, name, texts, dimensions } = request;
      const { models } = deps.config();
      if (!Object.hasOwn(models, name)) throw unknownList(name, Object.keys(models));
      const at = deps.clock.now();
      const spender = { spaceId: principal.spaceId, agentId: "", peerId };
      const accounts = deps.budgets.of(spender, at);
      const holder = deps.ids.next();
      const reserved = await reserve(deps, { request, accounts, holder }, options.signal);
      const choices = deps.router.choices(name);
      const about: CallAbout = {
        ...spender,
        ...{ sessionId: "", turnId: "", ownerId: principal.id, storylineId: undefined },
        ...{ purpose: "embedding", day: dayOf(at) },
      };
      const writes: Write[] = [];
      const onCall = (call: EmbeddingCall): void => {
        const choice = choices.find((one) => one.name === call.model) ?? {
          name: call.model,
          price: undefined,
        };
        const { outcome, usage, estimated, latencyMs, error } = call;
        const reason = outcome === "ok" ? "stop" : outcome;
        const end = {
          type: "end",
          reason,
          usage,
          estimated,
          ...(error === undefined ? {} : { error }),
        } as const;
        const made = { id: deps.ids.next(), at: deps.clock.now(), choice, end, latencyMs };
        writes.push(deps.ledger.record(callRecord(about, made)));
      };
      try {
        const shorter = dimensions === undefined ? {} : { dimensions };
        return await deps.router.embed({ name, texts, ...shorter }, { ...options, onCall });
      } finally {
        if (reserved) writes.push(deps.ledger.release(holder));
        if (writes.length > 0) await deps.unit.commit(writes, { signal: NEVER });
      }
    },
  };
}

async function reserve(
  { router, unit, ledger }: EmbedderDeps,
  ask: { readonly request: Request; readonly accounts: readonly AccountLimit[]; readonly holder: string },
  signal: AbortSignal,
): Promise<boolean> {
  const { request, accounts, holder } = ask;
  if (accounts.length === 0) return false;
  const inputTokens = request.texts.reduce((sum, text) => sum + estimateTokens(text), 0);
  const usage = { inputTokens, cachedInputTokens: 0, outputTokens: 0 };
  const prices = router.choices(request.name).map(({ price }) => costMicroUsd(usage, price));
  const microUsd = Math.max(0, ...prices);
  if (microUsd === 0) return false;
  await unit.commit([ledger.reserve({ holder, microUsd, accounts })], { signal });
  return true;
}

function unknownList(name: string, known: readonly string[]): TroupeError {
  const message = `There is no list of models "${name.slice(0, 64)}". Known in troupe.yaml: ${known.join(", ")}.`;
  return new TroupeError(message, { code: "request.not_found" });
}
