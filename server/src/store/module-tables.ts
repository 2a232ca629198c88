import type { Generated } from "kysely";

export interface ModuleInstanceTable {
  row: Generated<number>;
  id: string;
  space_id: string;
  agent_id: string;
  module_id: string;
  session_id: string;
  turn_id: string;
  audience: string;
  title: string;
  state: string;
  outcome: string | null;
  reason: string | null;
  v: number;
  payload: string;
  callbacks: string;
  created_at: number;
  updated_at: number;
  ended_at: number | null;
}

export interface ModuleLinkTable {
  storyline_id: string;
  instance_id: string;
  session_id: string;
  created_at: number;
}

export interface ModuleDependencyTable {
  instance_id: string;
  depends_on: string;
  if_fails: string;
}
