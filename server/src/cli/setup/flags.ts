import { TroupeError } from "@troupe/contracts";
import type { SetupTools } from "../../app/index.ts";
import { readSecretValue } from "../read-secret.ts";
import { nameOf, type SetupPlan } from "./interview.ts";

type Options = Readonly<Record<string, unknown>>;
type Facts = Awaited<ReturnType<SetupTools["readSetupFacts"]>>;

/** The same without questions. Rejects with `request.invalid` for flags that do not say enough. */
export async function planFromFlags(options: Options, facts: Facts, tools: SetupTools): Promise<SetupPlan> {
  const text = (name: string): string | undefined => {
    const value = options[name];
    return typeof value === "string" && value !== "" ? value : undefined;
  };
  const [kind, modelId] = [text("provider"), text("model")];
  if (kind === undefined || modelId === undefined) {
    throw misuse("Without a terminal, setup needs --provider and --model; --help shows an example.");
  }
  if (options.yes !== true)
    throw misuse("Without a terminal nobody can be asked: --yes says that it may be written.");
  const known = tools.KNOWN_PROVIDERS.find((one) => one.name === kind);
  if (known === undefined && kind !== "openai-compatible") {
    const names = tools.KNOWN_PROVIDERS.map((one) => one.name).join(", ");
    throw misuse(`--provider is one of ${names}, openai-compatible.`);
  }
  const baseUrl = text("baseUrl") ?? known?.baseUrl;
  if (known === undefined && baseUrl === undefined) throw misuse("openai-compatible needs --base-url.");
  const name = text("name") ?? known?.name ?? nameOf(baseUrl ?? "");
  const key = await keyOf(options, facts, kind);
  const settings = {
    kind: known?.kind ?? "openai-compatible",
    ...(baseUrl === undefined ? {} : { baseUrl }),
    ...(key === undefined ? {} : { apiKey: key }),
  };
  const signal = new AbortController().signal;
  const trial = await tools.tryModel({ name, settings }, modelId, { signal });
  const model = `${name}/${modelId}`;
  const rest = facts.list.filter((one) => one !== model);
  const fields = { ...settings, ...(key === undefined ? {} : { apiKey: `\${secret:${name}}` }) };
  return {
    secret: key === undefined ? undefined : { name, value: key },
    change: { provider: { name, fields }, models: { name: "default", list: [model, ...rest] } },
    ...{ model, trial },
  };
}

async function keyOf(options: Options, facts: Facts, kind: string): Promise<string | undefined> {
  if (options.keyFromStdin === true) {
    const key = (await readSecretValue({ file: undefined, question: "Its key (not shown)" })).trim();
    if (key === "") throw misuse("--key-from-stdin was given, and standard input is empty.");
    return key;
  }
  if (typeof options.keyFromFile === "string") {
    return (await readSecretValue({ file: options.keyFromFile, question: "" })).trim();
  }
  return facts.keys.find(({ known }) => known.name === kind)?.value;
}

function misuse(message: string): TroupeError {
  return new TroupeError(message, { code: "request.invalid" });
}
