import type { ModelRequest } from "@troupe/contracts";
import { callsIn, collectEvents, textIn } from "@troupe/testing";
import { expect, test } from "vitest";
import { createOfflineModel } from "./model.ts";

const model = createOfflineModel();
const NAMES = [
  ...["ask_agent", "ask_agents", "send_to_agent", "list_agents", "hand_off", "hand_back"],
  ...["dice", "recall", "remember", "time"],
];

function request(text: string): ModelRequest {
  const kind = "transactional" as const;
  return {
    messages: [
      { role: "system", text: "Be kind." },
      { role: "user", text },
    ],
    tools: NAMES.map((name) => ({ name, description: name, inputSchema: { type: "object" }, kind })),
    hints: { agentName: "Ana", language: "en" },
  };
}

async function callsFor(text: string): Promise<readonly unknown[]> {
  const events = await collectEvents(model, request(text));
  return callsIn(events).map((call) => [call.name, JSON.parse(call.arguments)]);
}

const ask = (agent: string, question: string) => [["ask_agent", { agent, question, wait: true }]];
const askAll = (names: readonly string[], question: string) => [
  ["ask_agents", { questions: names.map((agent) => ({ agent, question })), wait: true }],
];
const send = (agent: string, text: string) => [["send_to_agent", { agent, text }]];
const handOff = (agent: string, note: string) => [["hand_off", { agent, note, show: "messages" }]];

test.each<[string, unknown]>([
  ["ask kate why the sky is blue", ask("kate", "why the sky is blue")],
  ["Please ask Kate to roll 2d6.", ask("Kate", "roll 2d6")],
  ["ask kate: what time is it?", ask("kate", "what time is it?")],
  ["Could you ask kate if it rains?", ask("kate", "it rains?")],
  ["ask kate about Lviv", ask("kate", "what do you know about Lviv?")],
  ["ask kate and bob to roll 2d6", askAll(["kate", "bob"], "roll 2d6")],
  ["ask kate, bob and tom what time it is", askAll(["kate", "bob", "tom"], "what time it is")],
  ["ask kate, is it late?", ask("kate", "is it late?")],
  [
    "ask kate what time it is and roll 2d6",
    [...ask("kate", "what time it is"), ["dice", { notation: "2d6" }]],
  ],
  ["tell kate that I am late", send("kate", "I am late")],
  ["tell kate to remember that I moved", send("kate", "remember that I moved")],
  ["tell Kate hello", send("Kate", "hello")],
  ["send a message to kate: I am here", send("kate", "I am here")],
  ["list the agents", [["list_agents", {}]]],
  ["let me talk to kate", handOff("kate", "The person asked to talk with you.")],
  ["hand me back", [["hand_back", {}]]],
  ["спитай kate, чому небо синє", ask("kate", "чому небо синє")],
  ["спитай kate, що ти знаєш про Львів", ask("kate", "що ти знаєш про Львів")],
  ["запитай у Кейт, котра година?", ask("Кейт", "котра година?")],
  ["спитай kate і bob про Львів", askAll(["kate", "bob"], "що ти знаєш про Львів?")],
  ["скажи kate, що я запізнюся", send("kate", "я запізнюся")],
  ["передай мене Кейт", handOff("Кейт", "Людина попросила поговорити з вами.")],
  ["поверни мене", [["hand_back", {}]]],
  ["покажи агентів", [["list_agents", {}]]],
])("%s", async (text, expected) => {
  expect(await callsFor(text)).toEqual(expected);
});

test.each([
  "tell me a story",
  "ask me something",
  "tell jokes",
  "ask kate",
  "скажи мені щось",
  "basket kate why",
])("%s is for nobody else", async (text) => {
  expect(JSON.stringify(await callsFor(text))).not.toContain("agent");
});

test.each(["Answer from Kate:\nroll 2d6", "Немає відповіді від Kate: її зупинено."])(
  "what others answered is told on and not done: %s",
  async (text) => {
    const events = await collectEvents(model, request(text));

    expect(callsIn(events)).toEqual([]);
    expect(textIn(events)).toBe(text);
  },
);
