import { expect, it } from "vitest";
import { parseCommand } from "./commands.ts";

it.each([
  ["/roll 2d6", { tool: "dice", input: { notation: "2d6" } }],
  ["/roll", { tool: "dice", input: {} }],
  ["  /CALC@ana_bot 2 + 2 ", { tool: "calculator", input: { expression: "2 + 2" } }],
  ["/remember two\nlines", { tool: "remember", input: { text: "two\nlines" } }],
  ["/remember", { tool: "remember", input: { text: "" } }],
  ["/запам'ятай що завтра свято", { tool: "remember", input: { text: "що завтра свято" } }],
  ["/sessions please", { tool: "list_sessions", input: {} }],
  ["/start", { tool: "help", input: {} }],
  [
    "/remind in 10 minutes to stretch",
    { tool: "remind_me", input: { text: "stretch", when: "in 10 minutes" } },
  ],
  ["/remind stretch every hour", { tool: "remind_me", input: { text: "stretch", when: "every hour" } }],
  ["/remind stretch", { tool: "remind_me", input: { text: "stretch" } }],
  [
    "/нагадай завтра о 9 подзвонити",
    { tool: "remind_me", input: { text: "подзвонити", when: "завтра о 9" } },
  ],
  ["/jobs", { tool: "job_list", input: {} }],
  ["/jobs cancel 2", { tool: "job_cancel", input: { job: "2" } }],
  ["/jobs Pause weekly summary", { tool: "job_pause", input: { job: "weekly summary" } }],
  ["/нагадування скасуй чай", { tool: "job_cancel", input: { job: "чай" } }],
])("reads %s", (text, call) => {
  expect(parseCommand(text)).toEqual(call);
});

it.each(["roll 2d6", "/", "/etc/passwd", "/unknown", "please /roll", "/rolling", ""])(
  "sees no command in %s",
  (text) => {
    expect(parseCommand(text)).toBeUndefined();
  },
);
