import { expect, test } from "vitest";
import { peerZone, peerZones, zoneOf } from "./time-zone.ts";

const kate = { "telegram/42": { timeZone: "America/New_York" } };

test("a peer has the zone of its own, else the home's, else the machine's, by the configuration in force", () => {
  let config = { timeZone: undefined as string | undefined, peers: kate };
  const zones = peerZones(() => config);

  expect(zones("telegram/42")).toBe("America/New_York");
  expect(zones("telegram/43")).toBe(zoneOf({ timeZone: undefined }));
  config = { ...config, timeZone: "Europe/Kyiv" };
  expect(zones("telegram/43")).toBe("Europe/Kyiv");
  expect(zones("toString")).toBe(peerZone(config, "toString"));
});
