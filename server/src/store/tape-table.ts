/** What turns asked and were answered: see `tables.ts`. */
export interface TapeTable {
  turn_id: string;
  space_id: string;
  attempt: number;
  text: string;
  bytes: number;
  cut: string | null;
  created_at: number;
}
