import { first } from "./0001-first.ts";

/** In order; the number of a migration is its place, from 1. Published ones never change. */
export const migrations: readonly (readonly string[])[] = [first];
