/** How far a value lies from its norm, in SDs or against a range; the text beside it says the same. */

import type { Measurement } from "../contract";

const REACH = 3;

/** Where the value lies between -REACH and REACH; null without a norm to compare with. */
export function barPlace(row: Measurement): number | null {
  if (row.value === null || !row.norm) return null;
  const limit = (value: number) => Math.min(Math.max(value, -REACH), REACH);
  if (row.deviation_sd !== null) return limit(row.deviation_sd);
  const { low, high } = row.norm;
  if (low !== null && high !== null && high > low) return limit(((row.value - (low + high) / 2) / (high - low)) * 2);
  return null;
}

export function Bar({ row }: { row: Measurement }) {
  const place = barPlace(row);
  if (place === null) return null;
  const isFar = Math.abs(place) > (row.deviation_sd === null ? 1 : 2);
  return (
    <svg class="bar" viewBox="-3.3 0 6.6 1" preserveAspectRatio="none" aria-hidden="true">
      {row.deviation_sd !== null && <rect class="two" x="-2" width="4" height="1" />}
      <rect class="one" x="-1" width="2" height="1" />
      <path class="zero" d="M0 0V1" />
      <path class={isFar ? "dot far" : "dot"} d={`M${place.toFixed(2)} .5h.001`} />
    </svg>
  );
}
