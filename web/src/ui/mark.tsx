import type { ReactNode } from "react";

/** Eight strokes leave one ring: eight tunnels, one door. Drawn in the current colour. */
export function Mark({ size = 24 }: { size?: number }): ReactNode {
  return (
    <svg
      width={size}
      height={size}
      viewBox="0 0 24 24"
      fill="none"
      stroke="currentColor"
      strokeWidth={1.9}
      strokeLinecap="round"
      aria-hidden="true"
    >
      <circle cx="12" cy="12" r="4" />
      <path d="M16.62 13.91Q19.35 15.04 19.56 19.43M13.91 16.62Q15.04 19.35 12.09 22.60M10.09 16.62Q8.96 19.35 4.57 19.56M7.38 13.91Q4.65 15.04 1.40 12.09M7.38 10.09Q4.65 8.96 4.44 4.57M10.09 7.38Q8.96 4.65 11.91 1.40M13.91 7.38Q15.04 4.65 19.43 4.44M16.62 10.09Q19.35 8.96 22.60 11.91" />
    </svg>
  );
}
