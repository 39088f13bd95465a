/** Shapes and colours of the tissues. */

import { t } from "../i18n";
import { SHAPES } from "../overlay/Landmark";

export function Legend() {
  return (
    <ul class="legend">
      {(["bone", "tooth", "soft"] as const).map((tissue) => (
        <li key={tissue}>
          <Shape tissue={tissue} /> {t(`legend_${tissue}`)}
        </li>
      ))}
    </ul>
  );
}

export function Shape({ tissue }: { tissue: keyof typeof SHAPES }) {
  return (
    <svg class={`mark shape ${tissue}`} viewBox="-9 -9 18 18" aria-hidden="true">
      <path class="halo" d={SHAPES[tissue]} />
      <path class="ink" d={SHAPES[tissue]} />
    </svg>
  );
}
