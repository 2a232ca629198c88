import { TroupeError } from "@troupe/contracts";
import type { SetupTools } from "../../app/index.ts";
import { type Choice, left, type Person } from "./person.ts";
import { priceText, trialText } from "./words.ts";

type Facts = Awaited<ReturnType<SetupTools["readSetupFacts"]>>;
type Configured = Facts["providers"][number];
type Known = SetupTools["KNOWN_PROVIDERS"][number];
type Settings = Configured["settings"];

/** What was chosen and has been tried: one change, not written yet. */
export interface SetupPlan {
  /** To be sealed before the settings name it. */
  readonly secret: { readonly name: string; readonly value: string } | undefined;
  readonly change: {
    readonly provider?: { readonly name: string; readonly fields: Readonly<Record<string, string>> };
    readonly models?: { readonly name: string; readonly list: readonly string[] };
  };
  /** `provider/model` that answered. */
  readonly model: string;
  readonly trial: Awaited<ReturnType<SetupTools["tryModel"]>>;
}

type Tools = Pick<SetupTools, "listModels" | "tryModel" | "findLocalServers" | "KNOWN_PROVIDERS">;

/** Asks one thing at a time until a model has answered. Changes nothing. */
export async function interview(person: Person, facts: Facts, tools: Tools): Promise<SetupPlan> {
  if (facts.providers.length === 0) return addProvider(person, facts, tools);
  const what = await person.choose<"model" | "key" | "add">("What would you like to change?", [
    { value: "model", label: "The model that answers first", hint: `now ${facts.list[0] ?? "none"}` },
    { value: "key", label: "A key", hint: facts.providers.map(({ name }) => name).join(", ") },
    { value: "add", label: "Connect another provider" },
  ]);
  if (what === "add") return addProvider(person, facts, tools);
  const provider = await chooseConfigured(person, facts.providers, what);
  return what === "key"
    ? changeKey(person, facts, tools, provider)
    : changeModel(person, facts, tools, provider);
}

async function chooseConfigured(
  person: Person,
  providers: readonly Configured[],
  what: "model" | "key",
): Promise<Configured> {
  const [only, ...others] = providers;
  if (only !== undefined && others.length === 0) return only;
  const question = what === "key" ? "Whose key?" : "Whose model?";
  return person.choose(
    question,
    providers.map((value) => ({
      value,
      label: value.name,
      hint: value.settings.baseUrl ?? value.settings.kind,
    })),
  );
}

// ── a provider that is new ──────────────────────────────────────────────────────────────────────────────────────

/** Where a model may be reached, and with which key. */
interface Place {
  readonly known: Known | undefined;
  readonly baseUrl: string | undefined;
  readonly key: string | undefined;
}

async function addProvider(person: Person, facts: Facts, tools: Tools): Promise<SetupPlan> {
  const place = await choosePlace(person, facts, tools);
  const name = freeName(place.known?.name ?? nameOf(place.baseUrl ?? ""), facts);
  const settings = (key: string | undefined): Settings => ({
    kind: place.known?.kind ?? "openai-compatible",
    ...(place.baseUrl === undefined ? {} : { baseUrl: place.baseUrl }),
    ...(key === undefined ? {} : { apiKey: key }),
  });
  const { key, modelId, trial } = await chooseTried(person, tools, { name, settings, place });
  const model = `${name}/${modelId}`;
  const list = await placeInList(person, facts.list, model);
  const { kind, baseUrl } = settings(key);
  const fields = {
    kind,
    ...(baseUrl === undefined ? {} : { baseUrl }),
    ...(key === undefined ? {} : { apiKey: `\${secret:${name}}` }),
  };
  return {
    secret: key === undefined ? undefined : { name, value: key },
    change: { provider: { name, fields }, models: { name: "default", list } },
    ...{ model, trial },
  };
}

async function choosePlace(person: Person, facts: Facts, tools: Tools): Promise<Place> {
  const servers = await person.during("Looking for models on this machine", (signal) =>
    tools.findLocalServers({ signal }),
  );
  const isInUse = (known: Known): boolean =>
    facts.providers.some(
      ({ name, settings }) =>
        name === known.name || (settings.kind === known.kind && settings.baseUrl === known.baseUrl),
    );
  const found = servers.filter(({ known }) => !isInUse(known));
  const keys = facts.keys.filter(({ known }) => !isInUse(known));
  const place = (known: Known, key?: string): Place => ({ known, baseUrl: known.baseUrl, key });
  const choices: Choice<Place | "other">[] = [
    ...found.map(({ known, models }) => ({
      value: place(known),
      label: `${known.title} on this machine`,
      hint: models === 1 ? "one model" : `${models} models`,
    })),
    ...keys.map(({ known, variable, value }) => ({
      value: place(known, value),
      label: known.title,
      hint: `with the key in ${variable}`,
    })),
    ...tools.KNOWN_PROVIDERS.filter(
      (known) => !known.isLocal && !keys.some((key) => key.known === known),
    ).map((known) => ({ value: place(known), label: known.title, hint: "needs a key" })),
    { value: "other", label: "Another server", hint: "anything that speaks OpenAI's chat dialect" },
  ];
  const chosen = await person.choose("Where is the model?", choices);
  if (chosen !== "other") return chosen;
  const baseUrl = await person.text("Its address, up to and including /v1", {
    example: "http://192.168.1.20:8000/v1",
    check: (text) =>
      /^https?:\/\/[^\s/]+/.test(text) ? undefined : "An address begins with http:// or https://.",
  });
  return { known: undefined, baseUrl: baseUrl.replace(/\/+$/, ""), key: undefined };
}

/** Until a model has answered, or they leave. */
async function chooseTried(
  person: Person,
  tools: Tools,
  what: {
    readonly name: string;
    readonly settings: (key: string | undefined) => Settings;
    readonly place: Place;
  },
): Promise<{
  readonly key: string | undefined;
  readonly modelId: string;
  readonly trial: SetupPlan["trial"];
}> {
  const { name, place } = what;
  const needsKey = place.known !== undefined && !place.known.isLocal;
  let key = place.key ?? (needsKey ? await askKey(person, place.known) : undefined);
  for (;;) {
    const candidate = { name, settings: what.settings(key) };
    try {
      const modelId = await chooseModel(person, tools, candidate);
      const trial = await tryOne(person, tools, candidate, modelId);
      return { key, modelId, trial };
    } catch (error) {
      if (!TroupeError.is(error) || error.code === "turn.cancelled") throw error;
      person.warn(error.message);
      const next = await askNext(person, error, key !== undefined);
      if (next === "leave") throw left();
      if (next === "key") key = await askKey(person, place.known);
    }
  }
}

async function askNext(
  person: Person,
  error: TroupeError,
  hasKey: boolean,
): Promise<"key" | "again" | "leave"> {
  const isKey = error.code === "model.auth" || error.code === "model.billing";
  const key = { value: "key" as const, label: hasKey ? "Give another key" : "Give a key" };
  const again = {
    value: "again" as const,
    label: isKey ? "Try the same again" : "Try again, or another model",
  };
  const leave = { value: "leave" as const, label: "Leave everything as it was" };
  return person.choose("What now?", isKey ? [key, again, leave] : [again, key, leave]);
}

function askKey(person: Person, known: Known | undefined): Promise<string> {
  const where = known?.keyPage === undefined ? "" : `, made at ${known.keyPage}`;
  return person.secret(`Its key${where} (not shown)`);
}

async function chooseModel(
  person: Person,
  tools: Tools,
  candidate: { readonly name: string; readonly settings: Settings },
  first?: string,
): Promise<string> {
  const models = await person.during("Asking which models there are", (signal) =>
    tools.listModels(candidate, { signal }),
  );
  if (models.length === 0) {
    const hint = candidate.name === "ollama" ? " ollama pull llama3.2 fetches one." : "";
    throw new TroupeError(`The server answers, and has no model.${hint}`, { code: "model.not_found" });
  }
  const choices = models.map((model) => ({ value: model.id, label: model.id, hint: priceText(model) }));
  const known = models.some(({ id }) => id === first) ? first : undefined;
  return person.choose("Which model?", choices, known);
}

async function tryOne(
  person: Person,
  tools: Tools,
  candidate: { readonly name: string; readonly settings: Settings },
  modelId: string,
): Promise<SetupPlan["trial"]> {
  const trial = await person.during(`Sending one message to ${modelId}`, (signal) =>
    tools.tryModel(candidate, modelId, { signal }),
  );
  person.say(trialText(trial));
  return trial;
}

/** Before the offline guide, which answers when nobody else does. */
async function placeInList(
  person: Person,
  list: readonly string[],
  model: string,
): Promise<readonly string[]> {
  const others = list.filter((one) => one !== model);
  const real = others.filter((one) => !one.startsWith("offline/"));
  const offline = others.filter((one) => one.startsWith("offline/"));
  if (real.length === 0) return [model, ...others];
  const isFirst = await person.choose("When is it asked?", [
    { value: true, label: "First", hint: `then ${real[0]}` },
    { value: false, label: "When the others do not answer", hint: `${real.join(", ")} first` },
  ]);
  return isFirst ? [model, ...others] : [...real, model, ...offline];
}

function freeName(wanted: string, facts: Facts): string {
  const taken = new Set([...facts.providers.map(({ name }) => name), "offline"]);
  for (let n = 2; ; n++) {
    const name = n === 2 ? wanted : `${wanted}-${n - 1}`;
    if (!taken.has(name)) return name;
  }
}

/** A name out of an address: `192.168.1.20` gives `local`, `api.example.org` gives `example`. */
export function nameOf(baseUrl: string): string {
  const host = URL.canParse(baseUrl) ? new URL(baseUrl).hostname : "";
  if (/^[\d.]+$|^\[|^localhost$/.test(host)) return "local";
  const parts = host.split(".").filter((part) => part !== "api" && part !== "www");
  const name = (parts.at(-2) ?? parts[0] ?? "").toLowerCase().replace(/[^a-z0-9_-]/g, "");
  return /^[a-z]/.test(name) ? name.slice(0, 24) : "local";
}

// ── one that is configured ──────────────────────────────────────────────────────────────────────────────────────

async function changeModel(
  person: Person,
  facts: Facts,
  tools: Tools,
  provider: Configured,
): Promise<SetupPlan> {
  if (provider.unreadable !== undefined)
    throw new TroupeError(provider.unreadable, { code: "secret.locked" });
  const [now = ""] = facts.list;
  const first = now.startsWith(`${provider.name}/`) ? now.slice(provider.name.length + 1) : undefined;
  const modelId = await chooseModel(person, tools, provider, first);
  const trial = await tryOne(person, tools, provider, modelId);
  const model = `${provider.name}/${modelId}`;
  const rest = facts.list.filter((one) => one !== model && (first === undefined || one !== now));
  return { secret: undefined, change: { models: { name: "default", list: [model, ...rest] } }, model, trial };
}

async function changeKey(
  person: Person,
  facts: Facts,
  tools: Tools,
  provider: Configured,
): Promise<SetupPlan> {
  const known = tools.KNOWN_PROVIDERS.find(({ name }) => name === provider.name);
  const used = facts.list.find((model) => model.startsWith(`${provider.name}/`));
  for (;;) {
    const value = await askKey(person, known);
    const candidate = { name: provider.name, settings: { ...provider.settings, apiKey: value } };
    try {
      const modelId = used?.slice(provider.name.length + 1) ?? (await chooseModel(person, tools, candidate));
      const trial = await tryOne(person, tools, candidate, modelId);
      const secret = { name: provider.secret ?? provider.name, value };
      const fields = { apiKey: `\${secret:${secret.name}}` };
      const change = provider.secret === undefined ? { provider: { name: provider.name, fields } } : {};
      return { secret, change, model: `${provider.name}/${modelId}`, trial };
    } catch (error) {
      if (!TroupeError.is(error) || error.code === "turn.cancelled") throw error;
      person.warn(error.message);
    }
  }
}
