import type { Channel, OutboundMessage, VerifiableChannel } from "@troupe/contracts";
import { TroupeError } from "@troupe/contracts";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

export interface ChannelHarness {
  readonly channel: Channel;
  /** A chat on the platform that may be written to. */
  readonly target: string;
  /** Texts that people see in `target`, in order. */
  shown(): Promise<readonly string[]>;
  /** Makes the next send meet this; `arrives`: the message reaches people all the same. */
  breakNext(
    how: "rate-limited" | "rejected" | "unavailable" | "unavailable-after-arrival" | "hang",
  ): Promise<void>;
  close(): Promise<void>;
}

const signal = new AbortController().signal;

/** What every sending `Channel` keeps to, by the kind of delivery that it declares. */
export function channelContract(
  name: string,
  delivery: Channel["delivery"],
  make: () => Promise<ChannelHarness>,
): void {
  describe(`channel contract: ${name}, ${delivery}`, () => {
    let harness: ChannelHarness;
    const message = (key: string, text: string): OutboundMessage => ({ key, target: harness.target, text });
    beforeEach(async () => {
      harness = await make();
    });
    afterEach(() => harness.close());

    describeSending(() => harness, message);
    describeFailing(() => harness, message);
    if (delivery === "keyed") describeKeyed(() => harness, message);
    if (delivery === "verifiable") describeVerifiable(() => harness, message);
    it("declares the kind of delivery that it is tested for", () => {
      expect(harness.channel.delivery).toBe(delivery);
    });
  });
}

type MakeMessage = (key: string, text: string) => OutboundMessage;

function describeSending(get: () => ChannelHarness, message: MakeMessage): void {
  it("shows people what was sent, once and in order", async () => {
    const { channel, shown } = get();

    await channel.send(message("k-1", "one"), { signal });
    await channel.send(message("k-2", "two"), { signal });

    expect(await shown()).toEqual(["one", "two"]);
  });

  it("keeps text as it is: other scripts, several lines, marks of markup", async () => {
    const { channel, shown } = get();
    const text = "Привіт, Kate!\n\n<b>1 < 2</b> & *not bold* _here_ `x`";

    await channel.send(message("k-1", text), { signal });

    expect(await shown()).toEqual([text]);
  });

  it("sends nothing for a signal that has aborted already", async () => {
    const { channel, shown } = get();

    const sent = channel.send(message("k-1", "unwanted"), {
      signal: AbortSignal.abort(new Error("no longer wanted")),
    });

    await expect(sent).rejects.toThrow("no longer wanted");
    expect(await shown()).toEqual([]);
  });
}

function describeFailing(get: () => ChannelHarness, message: MakeMessage): void {
  it.each([
    ["rate-limited", "channel.rate_limited", true],
    ["rejected", "channel.rejected", false],
    ["unavailable", "channel.unavailable", true],
  ] as const)("tells %s apart: %s, retryable %s, and nothing is shown", async (how, code, isRetryable) => {
    const { channel, breakNext, shown } = get();
    await breakNext(how);

    const failure: unknown = await channel
      .send(message("k-1", "one"), { signal })
      .catch((error: unknown) => error);

    expect(TroupeError.is(failure, code)).toBe(true);
    expect((failure as TroupeError).retryable).toBe(isRetryable);
    expect(await shown()).toEqual([]);
  });

  it("ends a send that hangs as soon as its signal aborts", async () => {
    const { channel, breakNext } = get();
    await breakNext("hang");
    const giveUp = new AbortController();

    const sent = channel.send(message("k-1", "one"), { signal: giveUp.signal });
    giveUp.abort(new Error("took too long"));

    await expect(sent).rejects.toThrow();
  });
}

function describeKeyed(get: () => ChannelHarness, message: MakeMessage): void {
  it("shows a message once, however often its key is sent, and answers with the same platform id", async () => {
    const { channel, breakNext, shown } = get();
    await breakNext("unavailable-after-arrival");
    await channel.send(message("k-1", "one"), { signal }).catch(() => undefined);

    const first = await channel.send(message("k-1", "one"), { signal });
    const second = await channel.send(message("k-1", "one"), { signal });

    expect(await shown()).toEqual(["one"]);
    expect(second.platformId).toBe(first.platformId);
  });
}

function describeVerifiable(get: () => ChannelHarness, message: MakeMessage): void {
  it("finds what arrived although the send failed, and nothing for a key that never arrived", async () => {
    const { channel, breakNext } = get();
    const { find } = channel as VerifiableChannel;
    await breakNext("unavailable-after-arrival");
    await channel.send(message("k-1", "one"), { signal }).catch(() => undefined);
    await breakNext("unavailable");
    await channel.send(message("k-2", "two"), { signal }).catch(() => undefined);

    expect(await find("k-1", { signal })).toMatchObject({ platformId: expect.any(String) });
    expect(await find("k-2", { signal })).toBeUndefined();
  });

  it("finds the platform id that the send answered with", async () => {
    const { channel } = get();

    const sent = await channel.send(message("k-1", "one"), { signal });

    expect(await (channel as VerifiableChannel).find("k-1", { signal })).toEqual({
      platformId: sent.platformId,
    });
  });
}
