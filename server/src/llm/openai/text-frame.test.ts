import fc from "fast-check";
import { expect, test } from "vitest";
import { TextFrame } from "./text-frame.ts";

const chunk = (content: unknown, more = ""): string =>
  `{"id":"1","choices":[{"index":0,"delta":{"content":${JSON.stringify(content)}${more}},"finish_reason":null}]}`;

function learned(text = "one"): TextFrame {
  const frame = new TextFrame();
  frame.learn(chunk(text), text);
  return frame;
}

test("a chunk like the one before is read by what stands around its text", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => {
      expect(learned().textOf(chunk(text))).toBe(
        text.isWellFormed() ? text : JSON.parse(JSON.stringify(text)),
      );
    }),
  );
});

test("whatever is no string in the place of the text is left to be read whole", () => {
  for (const content of [null, 1, ["a"], { text: "a" }, true]) {
    expect(learned().textOf(chunk(content))).toBeUndefined();
  }
});

test("a chunk that says more than its text is left to be read whole", () => {
  expect(learned().textOf(chunk("a", ',"refusal":"no"'))).toBeUndefined();
  expect(learned().textOf(chunk("a").replace("null", '"stop"'))).toBeUndefined();
  // The place of the text holds two fields, and both ends of it are quotes.
  expect(learned().textOf(chunk("a").replace('"a"', '"a","refusal":"b"'))).toBeUndefined();
});

test("half a string, and nothing at all, are left to be read whole", () => {
  for (const place of ['"', "", '"a\\"', '"a\\x"', '"a\nb"']) {
    expect(learned().textOf(chunk("a").replace('"a"', place))).toBeUndefined();
  }
});

test("a chunk with two fields of that name teaches nothing", () => {
  const frame = new TextFrame();
  const twice = '{"x":{"content":"a"},"choices":[{"delta":{"content":"a"}}]}';

  frame.learn(twice, "a");

  expect(frame.textOf(twice)).toBeUndefined();
});

test("a server that writes something new around each piece is soon given up", () => {
  const frame = new TextFrame();
  for (let n = 0; n < 4; n++) {
    frame.learn(chunk("a", `,"n":${n}`), "a");
    expect(frame.textOf(chunk("a", `,"n":${n + 1}`))).toBeUndefined();
  }

  frame.learn(chunk("a"), "a");

  expect(frame.textOf(chunk("b"))).toBeUndefined();
});
