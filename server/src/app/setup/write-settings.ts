import { open, readFile, realpath, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";

export async function readSettingsText(home: string): Promise<string> {
  return readFile(join(home, "troupe.yaml"), "utf8");
}

/** Puts a new text in the place of troupe.yaml, whole or not at all, with its permissions, also through a link. */
export async function writeSettings(home: string, text: string): Promise<void> {
  const path = await realpath(join(home, "troupe.yaml"));
  const { mode } = await stat(path);
  const draft = `${path}.${process.pid}.part`;
  const file = await open(draft, "wx", mode & 0o777);
  try {
    await file.writeFile(text);
    await file.sync();
    await rename(draft, path);
  } finally {
    await file.close();
    await rm(draft, { force: true });
  }
}
