/** One thing that was looked at. */
export interface Finding {
  readonly name: string;
  readonly verdict: "good" | "warning" | "bad";
  readonly what: string;
  /** How it was found out. */
  readonly how: string;
  /** What to do; only where something is to be done. */
  readonly remedy?: string;
  /** The remedy, where it is safe to apply without asking: nothing is lost by it, and it can be applied twice. */
  readonly fix?: Fix;
}

export interface Fix {
  /** What it did, as a sentence. */
  readonly done: string;
  apply(): Promise<void> | void;
}

/** A fix that was applied, or why it could not be. */
export interface Fixed {
  readonly name: string;
  readonly what: string;
  readonly isDone: boolean;
}

/** Applies every fix there is, one after the other; asks nothing. */
export async function applyFixes(findings: readonly Finding[]): Promise<readonly Fixed[]> {
  const fixed: Fixed[] = [];
  for (const { name, fix } of findings) {
    if (fix === undefined) continue;
    try {
      await fix.apply();
      fixed.push({ name, what: fix.done, isDone: true });
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      fixed.push({ name, what: why, isDone: false });
    }
  }
  return fixed;
}
