import { expect, test } from "vitest";
import { nearestName } from "./nearest-name.ts";

test("the nearest name is near, or there is none", () => {
  expect(nearestName("antropic", ["anthropic", "local"])).toBe("anthropic");
  expect(nearestName("something", ["host", "port"])).toBeUndefined();
  expect(nearestName("", [])).toBeUndefined();
});

test("two letters that changed places are one slip", () => {
  expect(nearestName("prot", ["host", "port"])).toBe("port");
});

test("capitals are no difference, on either side", () => {
  expect(nearestName("BASEURL", ["apiKey", "baseUrl"])).toBe("baseUrl");
  expect(nearestName("baseurl", ["apiKey", "baseUrl"])).toBe("baseUrl");
});

test("a name of absurd length is near to none, and costs nothing to find that out", () => {
  expect(nearestName("x".repeat(5_000_000), ["remember", "recall"])).toBeUndefined();
});
