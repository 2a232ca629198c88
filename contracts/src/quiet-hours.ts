/** Hours of a day, as wall-clock time: `23:00` to `07:00` goes over midnight. `to` is the first minute outside. */
export interface ClockSpan {
  readonly from: string;
  readonly to: string;
}

/** When what an agent says by itself is to wait. */
export interface QuietHours extends ClockSpan {
  /** False: none, whatever stands elsewhere. */
  readonly enabled: boolean;
  /** IANA zone; absent: that of the peer, or else of the home. */
  readonly timeZone?: string;
}

export interface QuietTimes {
  /**
   * When the quiet hours end that this moment falls into, both in UTC milliseconds; undefined outside of them. `agentId`: who
   * would speak; `peerId`: to whom.
   */
  until(
    about: { readonly spaceId: string; readonly agentId: string; readonly peerId: string },
    at: number,
  ): number | undefined;
}
