import type { ModelRequest, ToolSpec } from "@troupe/contracts";
import { callsIn, collectEvents, textIn } from "@troupe/testing";
import { describe, expect, test } from "vitest";
import { createOfflineModel } from "./model.ts";

const NAMES = [
  ...["remember", "recall", "time", "dice", "list_sessions", "calculator"],
  ...["remind_me", "job_create", "job_list", "job_cancel", "job_pause", "job_resume"],
];
const TOOLS = NAMES.map((name): ToolSpec => ({ name, description: name, inputSchema: {}, kind: "pure" }));
const model = createOfflineModel();

const request = (text: string): ModelRequest => ({
  messages: [{ role: "user", text }],
  tools: TOOLS,
  hints: { agentName: "Ana", language: "en" },
});

async function callsFor(text: string): Promise<readonly [string, unknown][]> {
  const calls = callsIn(await collectEvents(model, request(text)));
  return calls.map((call) => [call.name, JSON.parse(call.arguments)]);
}

const wordsFor = async (text: string): Promise<string> => textIn(await collectEvents(model, request(text)));

const remind = (text: string, when: string): [string, unknown] => ["remind_me", { text, when }];
const job = (text: string, when: string, more: object = {}): [string, unknown] => [
  "job_create",
  { title: text, text, when, ...more },
];

describe("reminders and schedules become calls of the job tools", () => {
  test.each<[string, [string, unknown]]>([
    ["remind me in 10 minutes to stretch", remind("stretch", "in 10 minutes")],
    ["Remind me in one minute to stretch.", remind("stretch", "in one minute")],
    ["please remind me to stretch in 10 minutes", remind("stretch", "in 10 minutes")],
    ["remind me tomorrow at 9 to call mum", remind("call mum", "tomorrow at 9")],
    ["remind me at 9 a.m. to call mum and dad", remind("call mum and dad", "at 9 am")],
    ["remind me to call mum and dad tomorrow at 9", remind("call mum and dad", "tomorrow at 9")],
    ["remind me in 1 hour and 30 minutes to stretch", remind("stretch", "in 1 hour and 30 minutes")],
    ["could you remind me about the meeting on Monday at 10?", remind("the meeting", "on Monday at 10")],
    ["remind me every day at 8 to drink water", remind("drink water", "every day at 8")],
    ["tomorrow at 9 remind me to call mum", remind("call mum", "tomorrow at 9")],
    ["set a reminder for me tomorrow at 9 to call mum", remind("call mum", "tomorrow at 9")],
    ["set a timer for 10 minutes", remind("The timer is over.", "in 10 minutes")],
    ["set an alarm for 7:00", remind("The alarm that you set.", "at 7:00")],
    ["wake me up tomorrow at 7", remind("Wake up.", "tomorrow at 7")],
    ["every Monday at 8 write a summary", job("write a summary", "every Monday at 8")],
    ["every 2 hours check the mail", job("check the mail", "every 2 hours")],
    ["write a summary every Monday at 8", job("write a summary", "every Monday at 8")],
    ["schedule a report every Monday", job("a report", "every Monday")],
    ["tomorrow at 9 tell me the time", job("tell me the time", "tomorrow at 9")],
    [
      "every 2 hours ask me about water until I say “enough”",
      job("ask me about water", "every 2 hours", { until: "I say “enough”" }),
    ],
    ["list my reminders", ["job_list", {}]],
    ["what reminders do I have?", ["job_list", {}]],
    ["cancel reminder 2", ["job_cancel", { job: "2" }]],
    ["cancel the reminder about tea", ["job_cancel", { job: "tea" }]],
    ["stop reminding me to stretch", ["job_cancel", { job: "stretch" }]],
    ["cancel the alarm", ["job_cancel", { job: "alarm" }]],
    ["pause the weekly summary", ["job_pause", { job: "weekly summary" }]],
    ["pause my weekly summary job", ["job_pause", { job: "weekly summary" }]],
    ["resume job 1", ["job_resume", { job: "1" }]],
    ["нагадай мені за 10 хвилин розім'ятися", remind("розім'ятися", "за 10 хвилин")],
    ["Нагадайте мені завтра о 9 подзвонити мамі", remind("подзвонити мамі", "завтра о 9")],
    ["нагадай мені завтра про зустріч", remind("про зустріч", "завтра")],
    ["нагадуй мені щодня о 8 пити воду", remind("пити воду", "щодня о 8")],
    ["через годину нагадай мені вимкнути духовку", remind("вимкнути духовку", "через годину")],
    ["постав таймер на 10 хвилин", remind("Час таймера минув.", "за 10 хвилин")],
    ["розбуди мене о 7", remind("Час прокидатися.", "о 7")],
    ["щопонеділка о 8 напиши підсумок", job("напиши підсумок", "щопонеділка о 8")],
    ["кожні 2 години перевіряй пошту", job("перевіряй пошту", "кожні 2 години")],
    ["покажи мої нагадування", ["job_list", {}]],
    ["скасуй нагадування про чай", ["job_cancel", { job: "чай" }]],
    ["скасуй нагадування 2", ["job_cancel", { job: "2" }]],
    ["призупини підсумок тижня", ["job_pause", { job: "підсумок тижня" }]],
  ])("%s", async (text, expected) => {
    expect(await callsFor(text)).toEqual([expected]);
  });

  test("several in one sentence", async () => {
    expect(await callsFor("remind me in 10 minutes to stretch and list my reminders")).toEqual([
      remind("stretch", "in 10 minutes"),
      ["job_list", {}],
    ]);
  });
});

describe("what is none is not taken for one", () => {
  test.each([
    "every day at 8 I drink coffee",
    "every morning the sun rises",
    "Bob calls every Monday",
    "my reminder was about tea yesterday",
    "щодня о 8 я п'ю каву",
    "today is a good day",
    "the schedule is full",
    "reminders are useful",
  ])("%s", async (text) => {
    expect(await callsFor(text)).toEqual([]);
  });

  test("a stop alone stops what runs, and cancels no job", async () => {
    expect(await callsFor("stop")).toEqual([]);
    expect(await wordsFor("cancel")).toMatch(/\/stop ends it/);
  });

  test("what asks something of now is answered now", async () => {
    expect(await callsFor("tell me what time it is every day")).toEqual([["time", {}]]);
  });
});

describe("what is missing is asked for", () => {
  test.each<[string, RegExp]>([
    ["remind me", /What should I remind you of/],
    ["remind me to stretch", /When should I remind you/],
    ["remind me tomorrow", /What should I remind you of/],
    ["schedule a report", /What should I do, and when/],
    ["cancel my reminder", /Which one\?/],
    ["нагадай мені подзвонити мамі", /Коли нагадати\?/],
    ["скасуй нагадування", /Котре\?/],
  ])("%s", async (text, expected) => {
    expect(await wordsFor(text)).toMatch(expected);
  });
});

test.each<[string, string, string]>([
  ["1. the bill is paid\n2. the parcel has arrived", "user: The parcel arrived this morning.", "2"],
  ["1. the bill is paid", "user: I hate bills.", "none"],
  ["1. рахунок сплачено", "user: Рахунок уже сплачено!", "1"],
])("conditions hold whose words were all said: %s", async (conditions, said, expected) => {
  const asked: ModelRequest = {
    messages: [
      { role: "system", text: "Say which of these conditions hold by what was just said." },
      { role: "user", text: `Conditions:\n${conditions}\n\nSaid:\n${said}` },
    ],
    tools: [],
  };
  expect(textIn(await collectEvents(model, asked))).toBe(expected);
});

test("who may say nothing says nothing, unless there is something to do", async () => {
  const asked = (text: string): ModelRequest => ({
    ...request(text),
    messages: [
      { role: "system", text: "If there is nothing to say, answer with NO_REPLY and nothing else." },
      { role: "user", text },
    ],
  });
  expect(textIn(await collectEvents(model, asked("Is there anything that I should hear?")))).toBe("NO_REPLY");
  expect(callsIn(await collectEvents(model, asked("roll 2d6"))).map(({ name }) => name)).toEqual(["dice"]);
});
