import { type Paint, table } from "../output.ts";
import { dateTime } from "./time.ts";

export interface ListedSecret {
  readonly name: string;
  readonly version: number;
  readonly fingerprint: string;
  readonly createdAt: number;
  readonly updatedAt: number;
}

export function formatSecrets(secrets: readonly ListedSecret[], paint: Paint): string {
  if (secrets.length === 0) return "No secrets. ./troupe secret set NAME keeps one.";
  return table(
    secrets.map(({ name, version, fingerprint, createdAt, updatedAt }) => [
      name,
      paint.dim(fingerprint),
      `made ${dateTime(createdAt)}`,
      version === 1 ? "" : `changed ${dateTime(updatedAt)}`,
    ]),
  );
}
