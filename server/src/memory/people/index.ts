export { createPersonBook, joined, type PersonBook } from "./person-book.ts";
