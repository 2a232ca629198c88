/** The chat page: built on the first start, served from disk. */
export { openPageBuild, type PageBuild } from "./build.ts";
export { createPageSource } from "./files.ts";
