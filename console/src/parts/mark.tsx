import type { ReactNode } from "react";

/** The mask. */
export function Mark(): ReactNode {
  return (
    <svg className="mark" viewBox="0 0 32 32" aria-hidden="true">
      <path d="M4 6c4 2 8 3 12 3s8-1 12-3v9c0 7-5 12-12 12S4 22 4 15zm6 8c0 1.200 1 2 2.200 2s2.300-.8 2.300-2zm7.500 0c0 1.200 1.100 2 2.300 2S22 15.200 22 14zM10 19c1 3 3.500 4.500 6 4.500s5-1.500 6-4.500z" />
    </svg>
  );
}
