// What the bootstrap prints. All of it goes to stderr: stdout belongs to the command that follows.

/** A failure that is explained to the user in our own words; anything else that is thrown is a bug of ours. */
export class Refusal extends Error {}

/** @param {string} line */
export function say(line) {
  process.stderr.write(`${line}\n`);
}

/**
 * Prints `text … `, a sign of life every ten seconds, and at the end how it went and how long it took, on one line.
 *
 * @param {string} text
 * @returns {{ end: (outcome: string) => void }}
 */
export function progress(text) {
  const started = Date.now();
  const seconds = () => `${Math.max(1, Math.round((Date.now() - started) / 1000))} s`;
  process.stderr.write(`${text} … `);
  const timer = setInterval(() => process.stderr.write(`${seconds()} … `), 10_000);
  timer.unref();
  return {
    end(outcome) {
      clearInterval(timer);
      process.stderr.write(`${outcome} (${seconds()})\n`);
    },
  };
}
