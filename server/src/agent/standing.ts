import type { ModelMessage, Module, PromptBlock, Standing, TurnView } from "@troupe/contracts";
import { estimateTokens, hasModule, linkSignal, untilAborted } from "../kit/index.ts";
import type { AgentDeps } from "./deps.ts";

/** Of the model's window; the rest is for the conversation. */
const WINDOW_SHARE = 0.25;
const ROLE_TOKENS = 4;
/** Longer than for what is recalled: without it an agent is not itself. A disk that hangs holds no turn up for ever. */
const PATIENCE_MS = 2_000;
const CUT = "[cut here: the model's window has no room for more of it]";

/** What a module shows behind the instructions. */
export interface GatheredStanding {
  readonly moduleId: string;
  readonly standing: Standing;
}

const NONE: readonly GatheredStanding[] = [];

/** Under way with the turn; never rejects. No promise where no module of the agent has anything to read. */
export function gatherStanding(
  deps: AgentDeps,
  view: TurnView,
  signal: AbortSignal,
): readonly GatheredStanding[] | Promise<readonly GatheredStanding[]> {
  const found: (GatheredStanding | Promise<GatheredStanding | undefined>)[] = [];
  for (const module of deps.modules) {
    if (module.standing === undefined || !hasModule(view.agent.spec, module.id)) continue;
    const one = ask(deps, module, view, signal);
    if (one !== undefined) found.push(one);
  }
  if (found.length === 0) return NONE;
  return Promise.all(found).then((all) => all.filter((one) => one !== undefined));
}

function ask(
  { clock, logger }: AgentDeps,
  module: Module,
  view: TurnView,
  signal: AbortSignal,
): GatheredStanding | undefined | Promise<GatheredStanding | undefined> {
  const moduleId = module.id;
  const named = (standing: Standing | undefined): GatheredStanding | undefined =>
    standing === undefined || standing.blocks.length === 0 ? undefined : { moduleId, standing };
  const failed = (error: unknown): undefined => {
    if (!signal.aborted) logger.warn("module.failed", { module: moduleId, turnId: view.turnId, error });
  };
  const bounded = async (asked: Promise<Standing | undefined>): Promise<GatheredStanding | undefined> => {
    const reason = () => new Error(`took longer than ${PATIENCE_MS} ms`);
    using scope = linkSignal(signal, { clock, afterMs: PATIENCE_MS, reason });
    try {
      return named(await untilAborted(asked, scope.signal));
    } catch (error) {
      return failed(error);
    }
  };
  try {
    const asked = module.standing?.(view, { signal });
    // Most agents have none: no timer is made for them.
    return asked instanceof Promise ? bounded(asked) : named(asked);
  } catch (error) {
    return failed(error);
  }
}

/** As a prompt shows it. */
export interface StandingPart {
  readonly message: ModelMessage;
  readonly blocks: readonly PromptBlock[];
}

/** The same message for the same texts and room, so that an adapter finds by identity what it has written already. */
export type StandingMemo = WeakMap<Standing, { readonly maxTokens: number; readonly part: StandingPart }>;

export function standingParts(
  memo: StandingMemo,
  all: readonly GatheredStanding[],
  contextWindow: number,
): readonly StandingPart[] {
  if (all.length === 0) return [];
  let left = Math.floor(contextWindow * WINDOW_SHARE);
  const parts: StandingPart[] = [];
  for (const { standing } of all) {
    const known = memo.get(standing);
    const part = known?.maxTokens === left ? known.part : partOf(standing, left);
    memo.set(standing, { maxTokens: left, part });
    left = Math.max(0, left - part.blocks.reduce((sum, { tokens }) => sum + tokens, 0));
    if (part.blocks.length > 0) parts.push(part);
  }
  return parts;
}

function partOf({ blocks }: Standing, maxTokens: number): StandingPart {
  let left = maxTokens - ROLE_TOKENS;
  const texts: string[] = [];
  const shown: PromptBlock[] = [];
  for (const { block, text, why } of blocks) {
    const whole = estimateTokens(text);
    const cut = whole <= left ? text : cutTo(text, left);
    if (cut === "") continue;
    const tokens = estimateTokens(cut);
    left -= tokens;
    texts.push(cut);
    const role = texts.length === 1 ? ROLE_TOKENS : 0;
    shown.push({
      block,
      tokens: tokens + role,
      why: cut === text ? why : `${why}, cut: the window is small`,
    });
  }
  return { message: { role: "system", text: texts.join("\n\n") }, blocks: shown };
}

/** Whole lines from its beginning and a note; empty where not even its first two lines fit. */
function cutTo(text: string, maxTokens: number): string {
  const room = maxTokens - estimateTokens(CUT);
  const kept: string[] = [];
  let tokens = 0;
  for (const line of text.split("\n")) {
    tokens += estimateTokens(line);
    if (tokens > room) break;
    kept.push(line);
  }
  return kept.length < 2 ? "" : [...kept, CUT].join("\n");
}
