export interface VectorTable {
  /** From the counter `vectors` of `search_cursor`, so that no number is given twice. */
  row: number;
  space_id: string;
  owner_kind: string;
  owner_id: string;
  /** Of a message, which is found by its place and not by its id; else empty, and 0. */
  session_id: string;
  seq: number;
  model: string;
  dimensions: number;
  /** Little-endian 32-bit floats in base64: statements carry texts and numbers alone. */
  numbers: string;
  created_at: number;
}
