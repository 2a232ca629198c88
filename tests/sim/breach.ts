/** A rule that a schedule broke, and what broke it. */
export interface Breach {
  readonly rule: string;
  readonly what: string;
}
