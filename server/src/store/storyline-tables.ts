export interface StorylineTable {
  id: string;
  space_id: string;
  agent_id: string;
  session_id: string;
  audience: string;
  title: string;
  summary: string;
  summary_turn_seq: number;
  updated_at: number;
  peer_id: string | null;
  /** Where it began, where that is not the session whose first it is. */
  begun_in: string | null;
  /** What a person called it. */
  name: string | null;
  merged_into: string | null;
}

/** Turns elsewhere than in the storyline that their session began with. */
export interface StorylineTurnTable {
  turn_id: string;
  storyline_id: string;
  session_id: string;
  turn_seq: number;
  side_ids: string;
  at: number;
}

/** What prompts show in place of older turns. */
export interface CompactionTable {
  session_id: string;
  storyline_id: string;
  upto_turn_seq: number;
  summary: string;
  audience: string;
  at: number;
}
