export { type Familiarity, familiarityOf } from "./familiarity.ts";
export { createPeopleModule } from "./people-module.ts";
export { createPersonBook, joined, type PersonBook } from "./person-book.ts";
export { createProfileBook, type ProfileBook } from "./profile-book.ts";
export { type Known, knownPeople } from "./relations.ts";
