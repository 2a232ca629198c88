import { TroupeError } from "@troupe/contracts";
import { describe, expect, test } from "vitest";
import { interview, nameOf } from "./interview.ts";
import { left, type Person } from "./person.ts";

type Facts = Parameters<typeof interview>[1];
type Tools = Parameters<typeof interview>[2];

const HOSTED = {
  kind: "openai-compatible",
  ...{ name: "acme", title: "Acme", variables: ["ACME_API_KEY"], isLocal: false },
  ...{ keyPage: "https://acme.example/keys" },
} as const;
const LOCAL = {
  kind: "openai-compatible",
  ...{ name: "ollama", title: "Ollama", variables: [], isLocal: true },
  ...{ baseUrl: "http://127.0.0.1:11434/v1" },
} as const;
const FACTS: Facts = { isNew: true, text: "", providers: [], list: ["offline/guide"], keys: [] };
const TRIAL = { text: "Hello.", tookMs: 12, costMicroUsd: 3 };

/** Answers questions by their beginning, in order: a label of a choice, a text, or leaving. */
function personWho(...answers: readonly (readonly [string, string | typeof LEAVES])[]) {
  const left_ = [...answers];
  const asked: string[] = [];
  const said: string[] = [];
  const next = (question: string): string => {
    asked.push(question);
    const [expected, answer] = left_.shift() ?? ["no further question", ""];
    expect(question).toContain(expected);
    if (answer === LEAVES) throw left();
    return answer;
  };
  const person: Person = {
    async choose(question, choices) {
      const answer = next(question);
      const choice = choices.find(({ label }) => label === answer);
      if (choice === undefined)
        throw new Error(`${answer} is none of ${choices.map(({ label }) => label).join(", ")}`);
      return choice.value;
    },
    secret: async (question) => next(question),
    text: async (question) => next(question),
    confirm: async (question) => next(question) === "yes",
    say: (text) => void said.push(text),
    warn: (text) => void said.push(text),
    during: (_what, work) => work(new AbortController().signal),
  };
  return { person, asked, said, isDone: () => left_.length === 0 };
}
const LEAVES = Symbol("leaves");

function toolsWith(change: Partial<Tools> = {}): Tools & { readonly keys: (string | undefined)[] } {
  const keys: (string | undefined)[] = [];
  return {
    keys,
    KNOWN_PROVIDERS: [HOSTED, LOCAL],
    findLocalServers: async () => [],
    listModels: async () => [
      {
        id: "small",
        price: { inputUsdPerMillion: 1, outputUsdPerMillion: 2 },
        isFree: false,
        contextWindow: 8000,
      } as never,
      { id: "large", price: undefined, isFree: false, contextWindow: undefined },
    ],
    async tryModel(candidate) {
      keys.push(candidate.settings.apiKey);
      if (candidate.settings.apiKey === "wrong")
        throw new TroupeError("It refused our key.", { code: "model.auth" });
      return TRIAL;
    },
    ...change,
  };
}

describe("a first time", () => {
  test("takes a server of this machine that answers, and asks for no key", async () => {
    const tools = toolsWith({ findLocalServers: async () => [{ known: LOCAL, models: 2 }] });
    const at = personWho(["Where is the model?", "Ollama on this machine"], ["Which model?", "large"]);

    const plan = await interview(at.person, FACTS, tools);

    expect(plan).toEqual({
      secret: undefined,
      change: {
        provider: { name: "ollama", fields: { kind: "openai-compatible", baseUrl: LOCAL.baseUrl } },
        models: { name: "default", list: ["ollama/large", "offline/guide"] },
      },
      ...{ model: "ollama/large", trial: TRIAL },
    });
    expect([at.isDone(), tools.keys]).toEqual([true, [undefined]]);
  });

  test("offers a key of the environment, tries it, and keeps it as a secret", async () => {
    const facts = { ...FACTS, keys: [{ known: HOSTED, variable: "ACME_API_KEY", value: "right" }] };
    const at = personWho(["Where is the model?", "Acme"], ["Which model?", "small"]);

    const plan = await interview(at.person, facts, toolsWith());

    expect(plan.secret).toEqual({ name: "acme", value: "right" });
    expect(plan.change.provider?.fields.apiKey).toBe("${secret:acme}");
  });

  test("asks again for a key that is refused, and says where one is made", async () => {
    const tools = toolsWith();
    const at = personWho(
      ...([
        ["Where is the model?", "Acme"],
        ["made at https://acme.example/keys", "wrong"],
        ["Which model?", "small"],
        ["What now?", "Give another key"],
        ["Its key", "right"],
        ["Which model?", "small"],
      ] as const),
    );

    const plan = await interview(at.person, FACTS, tools);

    expect(tools.keys).toEqual(["wrong", "right"]);
    expect(at.said[0]).toBe("It refused our key.");
    expect(plan.secret?.value).toBe("right");
  });

  test("ends where they leave, and where a server has no model says how to get one", async () => {
    const gone = personWho(["Where is the model?", LEAVES]);
    const empty = personWho(
      ["Where is the model?", "Ollama on this machine"],
      ["What now?", "Leave everything as it was"],
    );
    const tools = toolsWith({
      findLocalServers: async () => [{ known: LOCAL, models: 0 }],
      listModels: async () => [],
    });

    for (const { person } of [gone, empty]) {
      await expect(interview(person, FACTS, tools)).rejects.toMatchObject({ code: "turn.cancelled" });
    }
    expect(empty.said[0]).toContain("ollama pull");
  });
});

describe("another time", () => {
  const settings = { kind: "openai-compatible", baseUrl: "https://acme.example/v1", apiKey: "old" } as const;
  const facts: Facts = {
    ...FACTS,
    isNew: false,
    providers: [{ name: "acme", settings, secret: "acme-key", unreadable: undefined }],
    list: ["acme/small", "acme/spare", "offline/guide"],
  };

  test("puts another model in the first one's place", async () => {
    const at = personWho(
      ["What would you like to change?", "The model that answers first"],
      ["Which model?", "large"],
    );

    const plan = await interview(at.person, facts, toolsWith());

    expect(plan.change).toEqual({
      models: { name: "default", list: ["acme/large", "acme/spare", "offline/guide"] },
    });
    expect(plan.secret).toBeUndefined();
  });

  test("replaces a key under the name that the settings have, and touches no line of them", async () => {
    const tools = toolsWith();
    const at = personWho(
      ["What would you like to change?", "A key"],
      ["Its key", "wrong"],
      ["Its key", "new"],
    );

    const plan = await interview(at.person, facts, tools);

    expect(plan).toMatchObject({
      secret: { name: "acme-key", value: "new" },
      change: {},
      model: "acme/small",
    });
    expect(tools.keys).toEqual(["wrong", "new"]);
  });

  test("connects a second provider after the first, before the offline guide", async () => {
    const tools = toolsWith({ findLocalServers: async () => [{ known: LOCAL, models: 1 }] });
    const at = personWho(
      ...([
        ["What would you like to change?", "Connect another provider"],
        ["Where is the model?", "Ollama on this machine"],
        ["Which model?", "small"],
        ["When is it asked?", "When the others do not answer"],
      ] as const),
    );

    const plan = await interview(at.person, facts, tools);

    expect(plan.change.models?.list).toEqual(["acme/small", "acme/spare", "ollama/small", "offline/guide"]);
  });
});

test.each([
  ["http://192.168.1.20:8000/v1", "local"],
  ["http://localhost:1/v1", "local"],
  ["https://api.example.org/v1", "example"],
  ["https://models.mistral.ai/v1", "mistral"],
  ["nonsense", "local"],
])("%s is called %s", (address, name) => {
  expect(nameOf(address)).toBe(name);
});
