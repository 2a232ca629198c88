import { createHash, randomBytes } from "node:crypto";
import type { CallOptions, PersonStore, Tool, ToolContext, ToolOutput } from "@troupe/contracts";
import { derivedId } from "../../kit/index.ts";
import { tell } from "../catalogue/index.ts";
import { objectOf } from "../schema.ts";

/** Long enough to take another telephone, too short to be guessed at: of 32 letters eight are 40 bits. */
const VALID_MS = 10 * 60_000;
const LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const LENGTH = 8;
const UNDO = /^(undo|скасуй)$/i;

export interface LinkToolDeps {
  /** Absent: nobody is linked here. */
  readonly persons?: PersonStore;
  /** Links are about to change. */
  readonly onChange?: () => void;
  /** For a code; of whole bytes. Default: the system's. */
  readonly randomBytes?: (count: number) => Uint8Array;
}

/**
 * Proves that two peers are one person: told a code here, they type it where else they talk with the agent. Only where one person
 * reads, for whoever sees a code might be quicker. `undo` splits them again.
 */
export function linkTool(deps: LinkToolDeps): Tool {
  return {
    spec: {
      name: "link",
      description: "Joins what the agent knows of a person on two channels, by a code; undo splits it again.",
      kind: "transactional",
      inputSchema: objectOf({
        code: {
          type: "string",
          maxLength: 64,
          description: "A code, or the word undo. Default: a new code.",
        },
      }),
    },
    async run(input, context, options) {
      const { persons } = deps;
      const { audience, language } = context;
      const [name] = audience;
      if (persons === undefined) return { text: tell(language, "link.none"), isError: true };
      if (name === undefined || audience.length !== 1)
        return { text: tell(language, "link.alone"), isError: true };
      const given = ((input as { readonly code?: string }).code ?? "").trim();
      if (given === "") return offer(deps, persons, name, context);
      if (UNDO.test(given)) return undo(deps, persons, name, context, options);
      return redeem(deps, persons, name, given, context, options);
    },
  };
}

function offer(
  deps: LinkToolDeps,
  persons: PersonStore,
  name: string,
  { spaceId, language, now: at }: ToolContext,
): ToolOutput {
  const bytes = (deps.randomBytes ?? randomBytes)(LENGTH);
  const code = [...bytes].map((byte) => LETTERS[byte % LETTERS.length]).join("");
  const shown = `${code.slice(0, LENGTH / 2)}-${code.slice(LENGTH / 2)}`;
  return {
    text: tell(language, "link.code", { code: shown, minutes: VALID_MS / 60_000 }),
    writes: [persons.offer({ spaceId, name, codeHash: hashOf(code), until: at + VALID_MS, at })],
  };
}

async function redeem(
  { onChange }: LinkToolDeps,
  persons: PersonStore,
  name: string,
  given: string,
  { spaceId, language, now: at, idempotencyKey }: ToolContext,
  options: CallOptions,
): Promise<ToolOutput> {
  const codeHash = hashOf(given);
  const offered = await persons.offered({ spaceId, codeHash, at }, options);
  if (offered === undefined) return { text: tell(language, "link.unknown"), isError: true };
  if (offered.name === name) return { text: tell(language, "link.same"), isError: true };
  onChange?.();
  const linkId = derivedId("person-link", idempotencyKey);
  return {
    text: tell(language, "link.done", { name: offered.name }),
    writes: [persons.redeem({ spaceId, codeHash, name, linkId, at })],
  };
}

async function undo(
  { onChange }: LinkToolDeps,
  persons: PersonStore,
  name: string,
  { spaceId, language, now: at }: ToolContext,
  options: CallOptions,
): Promise<ToolOutput> {
  const { items } = await persons.list({ spaceId, name }, options);
  const open = items.filter(({ endedAt }) => endedAt === undefined);
  if (open.length === 0) return { text: tell(language, "link.nothing"), isError: true };
  onChange?.();
  const names = open.flatMap((link) => link.names.filter((one) => one !== name)).join(", ");
  return {
    text: tell(language, "link.undone", { names }),
    writes: [persons.unlink({ spaceId, of: name, at })],
  };
}

/** As people type it: small letters, gaps and letters that look alike make no difference. */
function hashOf(code: string): string {
  const plain = code
    .toUpperCase()
    .replace(/[^0-9A-Z]/g, "")
    .replaceAll("O", "0")
    .replace(/[IL]/g, "1");
  return createHash("sha256").update(plain).digest("hex");
}
