import type { ModelMessage, ModelRequest, ToolSpec } from "@troupe/contracts";
import { callsIn, collectEvents, endOf, textIn } from "@troupe/testing";
import { describe, expect, test } from "vitest";
import { createOfflineModel } from "./model.ts";

const NAMES = ["remember", "recall", "list_sessions", "time", "dice", "calculator"];
const TOOLS: readonly ToolSpec[] = NAMES.map((name) => ({
  name,
  description: name,
  inputSchema: { type: "object" },
  kind: "pure",
}));
const model = createOfflineModel();

function request(
  text: string,
  options: { tools?: readonly ToolSpec[]; before?: readonly ModelMessage[] } = {},
): ModelRequest {
  return {
    messages: [{ role: "system", text: "Be kind." }, ...(options.before ?? []), { role: "user", text }],
    tools: options.tools ?? TOOLS,
    hints: { agentName: "Ana", language: "en" },
  };
}

async function callsFor(text: string): Promise<readonly [string, unknown][]> {
  const events = await collectEvents(model, request(text));
  return callsIn(events).map((call) => [call.name, JSON.parse(call.arguments)]);
}

async function wordsFor(text: string, options: Parameters<typeof request>[1] = {}): Promise<string> {
  return textIn(await collectEvents(model, request(text, options)));
}

/** Both steps of a turn: the calls, then the words after `results`. */
async function answerAfter(
  text: string,
  ...results: readonly (string | { error: string })[]
): Promise<string> {
  const first = request(text);
  const calls = callsIn(await collectEvents(model, first));
  expect(calls).toHaveLength(results.length);
  const told = calls.map((call, at): ModelMessage => {
    const result = results[at] ?? "";
    const isError = typeof result !== "string";
    return {
      role: "tool",
      callId: call.callId,
      name: call.name,
      text: isError ? result.error : result,
      isError,
    };
  });
  const messages: ModelMessage[] = [...first.messages, { role: "assistant", text: "", calls }, ...told];
  const events = await collectEvents(model, { ...first, messages });
  expect(callsIn(events)).toEqual([]);
  return textIn(events);
}

describe("plain requests become calls of the real tools", () => {
  test.each<[string, [string, unknown][]]>([
    ["remember that my cat is called Mia", [["remember", { text: "my cat is called Mia" }]]],
    ["Please remember: the key is under the mat.", [["remember", { text: "the key is under the mat" }]]],
    ["Could you remember that I like tea and coffee?", [["remember", { text: "I like tea and coffee" }]]],
    ["what is my cat called?", [["recall", { query: "cat called" }]]],
    ["do you remember my cat", [["recall", { query: "cat" }]]],
    ["Can you remember what my cat is called?", [["recall", { query: "cat called" }]]],
    ["what do you know about Lviv", [["recall", { query: "lviv" }]]],
    ["list my conversations", [["list_sessions", {}]]],
    ["what time is it?", [["time", {}]]],
    ["What time is it in New York?", [["time", { timeZone: "America/New_York" }]]],
    ["what's the time in Europe/Lisbon", [["time", { timeZone: "Europe/Lisbon" }]]],
    ["what time is it in Buenos Aires?", [["time", { timeZone: "Buenos Aires" }]]],
    ["roll 2d6", [["dice", { notation: "2d6" }]]],
    ["please roll a d20 + 3", [["dice", { notation: "1d20+3" }]]],
    ["roll two dice!", [["dice", { notation: "2d6" }]]],
    ["3d8", [["dice", { notation: "3d8" }]]],
    ["flip a coin", [["dice", { notation: "1d2" }]]],
    ["calculate 12 * (3 + 4)", [["calculator", { expression: "12 * (3 + 4)" }]]],
    ["what is 2 + 2?", [["calculator", { expression: "2 + 2" }]]],
    ["how much is 6 times 7", [["calculator", { expression: "6 * 7" }]]],
    ["(1+2)^3", [["calculator", { expression: "(1+2)^3" }]]],
    ["запам'ятай, що мого кота звати Мія", [["remember", { text: "мого кота звати Мія" }]]],
    ["Запам’ятайте: ключ під килимком.", [["remember", { text: "ключ під килимком" }]]],
    ["як звати мого кота?", [["recall", { query: "звати кота" }]]],
    ["покажи мої розмови", [["list_sessions", {}]]],
    ["котра година у Львові?", [["time", { timeZone: "Europe/Kyiv" }]]],
    ["кинь 2к6", [["dice", { notation: "2d6" }]]],
    ["кинь кубик", [["dice", { notation: "1d6" }]]],
    ["скільки буде 2,5 помножити на 4?", [["calculator", { expression: "2.5 * 4" }]]],
  ])("%s", async (text, expected) => {
    expect(await callsFor(text)).toEqual(expected);
  });

  test.each<[string, string[]]>([
    ["roll 2d6 and what time is it in Tokyo?", ["dice", "time"]],
    [
      "Hi Ana! Remember that I live in Lviv. What is 2+2? List my conversations, please",
      ["remember", "calculator", "list_sessions"],
    ],
    ["roll 2d6, roll 2d6 and then flip a coin", ["dice", "dice", "dice"]],
    ["remember that I moved, and what time is it?", ["remember", "time"]],
    ["кинь 2d6 і скажи, котра година", ["dice", "time"]],
  ])("several at once: %s", async (text, tools) => {
    const events = await collectEvents(model, request(text));

    const calls = callsIn(events);
    expect(calls.map((call) => call.name)).toEqual(tools);
    expect(new Set(calls.map((call) => call.callId)).size).toBe(tools.length);
    expect(endOf(events).reason).toBe("tool-calls");
  });

  test("the same request gives the same calls, ids included, and a longer conversation other ids", async () => {
    const [one, two] = [
      await collectEvents(model, request("roll 2d6")),
      await collectEvents(model, request("roll 2d6")),
    ];
    const later = await collectEvents(
      model,
      request("roll 2d6", { before: [{ role: "user", text: "before" }] }),
    );

    expect(two).toEqual(one);
    expect(callsIn(later)[0]?.callId).not.toBe(callsIn(one)[0]?.callId);
  });

  test("a tool that the agent may not use is named instead of called", async () => {
    const tools = TOOLS.filter((tool) => tool.name === "time");

    expect(await wordsFor("roll 2d6", { tools })).toContain("“dice”");
    expect(await wordsFor("roll 2d6", { tools })).toContain("may not use");
  });
});

describe("what is no request is not taken for one", () => {
  test.each([
    "this is nothing special",
    "call me at 555-1234 tomorrow",
    "the road to hell is paved",
    "I told them to hit the road, 3 times a day",
    "оці привітання були дивні",
    "my brother-in-law rolls cigarettes",
  ])("%s", async (text) => {
    const answer = await wordsFor(text);

    expect(answer).not.toMatch(/^(Hello|Вітаю)/);
    expect(await callsFor(text)).toEqual([]);
  });

  test.each(["this", "Chicago", "high", "they", "shield"])(
    "'hi' and the like are not heard in %s",
    async (text) => {
      expect(await wordsFor(text)).not.toMatch(/Hello/);
    },
  );
});

describe("it says", () => {
  test.each<[string, RegExp]>([
    ["hello", /^Hello! I am Ana, .*offline guide.*not a language model.*Try: .*remember that my cat/],
    ["Good morning, Ana!", /^Hello! I am Ana/],
    ["help", /This is what I can do: “remember that .*roll 2d6.*troupe\.yaml.*README/],
    ["what can you do?", /This is what I can do/],
    ["thanks!", /^You are welcome\.$/],
    ["Great, thank you very much", /You are welcome/],
    ["how are you?", /^All is well here/],

    ["bye", /^Goodbye/],
    ["who are you?", /offline guide: a small set of rules, not a language model/],
    ["are you ChatGPT?", /not a language model/],
    ["How do I connect a model?", /providers in troupe\.yaml.*models\.default.*README/],
    ["stop", /\/stop ends it/],
    ["ask kate to write a story", /may not reach other agents here.*delegates.*acceptsFrom/],
    ["tell kate that I am late", /may not reach other agents/],
    ["remember", /What should I remember\?/],
    ["my cat is called Mia", /no rule for that.*write “remember that …”/],
    ["blorp", /did not understand/],
    ["?!", /did not understand.*Try: /],
    ["Привіт!", /^Вітаю! Я Ana, .*офлайн-провідник.*Спробуйте: /],
    ["Дякую", /^Прошу\.$/],
    ["що ти вмієш?", /Ось що я вмію/],
    ["хто ти?", /не мовну модель/],
    ["забудь мого кота", /У цій версії я цього ще не вмію/],
    ["як підключити модель?", /providers у troupe\.yaml/],
    ["мого кота звати Мія", /«запам'ятай, що …»/],
  ])("to %s", async (text, expected) => {
    expect(await wordsFor(text)).toMatch(expected);
  });

  test("greeting and answer in one, and no introduction when something was asked", async () => {
    expect(await wordsFor("Hi! Who are you?")).toMatch(/^Hello! I am Ana, answering/);
    expect(await answerAfter("hello, roll 2d6", "2d6: 3 + 4 = 7")).toBe("Hello! 2d6: 3 + 4 = 7");
  });

  test("what it can do without any tool", async () => {
    expect(await wordsFor("help", { tools: [] })).toContain(
      "This is what I can do: greet you and look through",
    );
    expect(await wordsFor("hello", { tools: [] })).not.toContain("Try:");
  });

  test("in the turn's language when the message has no letters", async () => {
    const asked: ModelRequest = { ...request("…"), hints: { agentName: "Ana", language: "uk" } };

    expect(textIn(await collectEvents(model, asked))).toContain("Не вдалося зрозуміти");
  });

  test("word by word", async () => {
    const events = await collectEvents(model, request("thanks"));

    expect(events.map((event) => (event.type === "text-delta" ? event.text : event.type))).toEqual([
      ...["You", " are", " welcome.", "end"],
    ]);
  });

  test("no more than it is allowed to", async () => {
    const events = await collectEvents(model, { ...request("help"), maxOutputTokens: 8 });

    expect(endOf(events).reason).toBe("length");
    expect(endOf(events).usage.outputTokens).toBeLessThanOrEqual(8);
  });
});

describe("after the results it says", () => {
  test("what the tool says of a plain request", async () => {
    expect(
      await answerAfter("remember that my cat is called Mia", "I will remember: my cat is called Mia"),
    ).toBe("I will remember: my cat is called Mia");
  });

  test("what a document says, with its title", async () => {
    const result = '2026-11-20, document "Ferry": The ferry leaves at noon.';
    expect(await answerAfter("when does the ferry leave?", result)).toMatch(/^“Ferry” says: “.* noon\.”\.$/);
  });

  test("the line that answers, not the one that asked before, nor its own", async () => {
    const result = [
      "2026-11-20, you: what is my cat called?",
      "2026-11-20, assistant: your cat is called nothing that I know of",
      "2026-11-20, you: my cat sleeps all day",
      "2026-11-20, you: remember that my cat is called Mia",
    ].join("\n");

    expect(await answerAfter("what is my cat called?", result)).toBe("You told me: “my cat is called Mia”.");
  });

  test("the closest that it has, as the closest", async () => {
    expect(
      await answerAfter("where does my brother work?", "2026-11-20, note: my brother lives in Lviv"),
    ).toBe("The closest that I know is: “my brother lives in Lviv”.");
  });

  test("plainly that nothing was found", async () => {
    const answer = await answerAfter("what is the capital of France?", "Nothing was found.");

    expect(answer).toMatch(/^I found nothing about that .*not a language model/);
  });

  test("an answer in Ukrainian whose words have other endings", async () => {
    expect(
      await answerAfter(
        "як звати мого кота?",
        "2026-11-20, ви: мій кіт спить\n2026-11-20, асистент: кота звати ніяк\n2026-11-20, нотатка: кота звати Мія",
      ),
    ).toBe("Ви казали: «кота звати Мія».");
  });

  test("what did not work", async () => {
    expect(await answerAfter("roll 2d6", { error: "The dice are lost." })).toBe(
      "That did not work: The dice are lost.",
    );
  });

  test("both of what was asked and what was added in the middle of the turn", async () => {
    const dice = callsIn(await collectEvents(model, request("roll 2d6")));
    const messages: ModelMessage[] = [
      { role: "user", text: "thanks" },
      { role: "assistant", text: "You are welcome.", calls: [] },
      { role: "user", text: "roll 2d6" },
      { role: "assistant", text: "", calls: dice },
      { role: "tool", callId: dice[0]?.callId ?? "", name: "dice", text: "2d6: 7", isError: false },
      { role: "user", text: "and what time is it?" },
    ];
    const added = callsIn(await collectEvents(model, { messages, tools: TOOLS }));
    messages.push({ role: "assistant", text: "", calls: added });
    messages.push({
      role: "tool",
      callId: added[0]?.callId ?? "",
      name: "time",
      text: "12:00",
      isError: false,
    });

    expect(added.map((call) => call.name)).toEqual(["time"]);
    expect(textIn(await collectEvents(model, { messages, tools: TOOLS }))).toBe("2d6: 7\n12:00");
  });

  test("one answer to messages that came together", async () => {
    const messages: ModelMessage[] = [
      { role: "user", text: "roll 2d6" },
      { role: "user", text: "what is 2+2?" },
    ];

    const calls = callsIn(await collectEvents(model, { messages, tools: TOOLS }));

    expect(calls.map((call) => call.name)).toEqual(["dice", "calculator"]);
  });

  test("all of several, in their order", async () => {
    expect(await answerAfter("roll 2d6 and what time is it?", "2d6: 7", "It is 12:00 UTC.")).toBe(
      "2d6: 7\nIt is 12:00 UTC.",
    );
  });
});

describe("without the tool for it, a question is answered", () => {
  const noTools = { tools: [] };

  test("from what memory put before it", async () => {
    const before: ModelMessage[] = [
      {
        role: "system",
        text: "From earlier conversations, what my cat is called:\n[2026-11-20] user: my cat is called Mia\n[2026-11-20] user: I live in Lviv",
      },
    ];

    expect(await wordsFor("What is my cat called?", { ...noTools, before })).toBe(
      "You told me: “my cat is called Mia”.",
    );
  });

  test("and not from the line that says what started the turn, which nobody said", async () => {
    const line =
      "A flow started this turn as one of its steps; nobody wrote just now. What follows is the task.";
    const before: ModelMessage[] = [
      { role: "system", text: "You help." },
      { role: "system", text: line },
    ];

    expect(await wordsFor("Nobody has paid order 7. What now?", { ...noTools, before })).toMatch(
      /^I found nothing/,
    );
  });

  test("from the conversation", async () => {
    const before: ModelMessage[] = [
      { role: "user", text: "remember that my cat is called Mia" },
      { role: "assistant", text: "I will.", calls: [] },
    ];

    expect(await wordsFor("What is my cat called?", { ...noTools, before })).toBe(
      "You told me: “my cat is called Mia”.",
    );
  });
});

describe("a summary", () => {
  const summarise = (transcript: string): ModelRequest => ({
    messages: [
      { role: "system", text: "Summarise the conversation so far in five sentences." },
      { role: "user", text: transcript },
    ],
    tools: [],
  });

  test("is how it began and what the person said last, within six hundred characters", async () => {
    const lines = Array.from(
      { length: 30 },
      (_, n) => `user: remember point ${n} ${"🦔 word ".repeat(40)}\nassistant: yes`,
    );

    const text = textIn(await collectEvents(model, summarise(lines.join("\n"))));

    expect(text).toMatch(/^Began with: remember point 0 /);
    expect(text).toContain("remember point 29");
    expect(text).not.toContain("assistant");
    expect(Array.from(text).length).toBeLessThanOrEqual(600);
  });

  test("goes on from the one before, in the user's language", async () => {
    const previous = "Previous summary: Began with: moving to Lviv Then: boxes / the cat\n\n";
    const asked = summarise(`${previous}user: кота звати Мія\nassistant: Гаразд`);

    const text = textIn(
      await collectEvents(model, { ...asked, hints: { agentName: "Ana", language: "uk" } }),
    );

    expect(text).toBe("Почалося з: moving to Lviv\nДалі: кота звати Мія");
  });

  test("keeps the lines of one message together, and calls no tool", async () => {
    const events = await collectEvents(model, {
      ...summarise("user: roll 2d6\nand more\nassistant: 7\nmore\nuser: bye"),
      tools: TOOLS,
    });

    expect(textIn(events)).toBe("Began with: roll 2d6 and more Then: bye".replace(" Then", "\nThen"));
    expect(callsIn(events)).toEqual([]);
  });
});
