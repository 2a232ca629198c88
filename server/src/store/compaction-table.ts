/** What prompts show in place of older turns. */
export interface CompactionTable {
  session_id: string;
  storyline_id: string;
  upto_turn_seq: number;
  summary: string;
  audience: string;
  at: number;
}
