import type { Channel } from "@troupe/contracts";
import { createFakePlatform, type FakePlatform } from "./channel-doubles.ts";
import { createManualClock } from "./manual-clock.ts";
import { type ChannelHarness, channelContract } from "./suites/channel-contract.ts";

function harnessOf(pick: (platform: FakePlatform) => Channel): () => Promise<ChannelHarness> {
  return async () => {
    const platform = createFakePlatform({ clock: createManualClock() });
    return {
      channel: pick(platform),
      target: "chat-1",
      shown: async () => platform.arrived.filter((one) => one.target === "chat-1").map((one) => one.text),
      async breakNext(how) {
        if (how === "rate-limited" || how === "rejected") platform.meet({ kind: how });
        else if (how === "hang") platform.meet({ kind: "hang", arrives: false });
        else platform.meet({ kind: "unavailable", arrives: how === "unavailable-after-arrival" });
      },
      close: async () => {},
    };
  };
}

channelContract(
  "double",
  "keyed",
  harnessOf((platform) => platform.keyed("keyed")),
);
channelContract(
  "double",
  "verifiable",
  harnessOf((platform) => platform.verifiable("verifiable")),
);
channelContract(
  "double",
  "blind",
  harnessOf((platform) => platform.blind("blind")),
);
