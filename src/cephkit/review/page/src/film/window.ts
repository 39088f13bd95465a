/** From a film's grey values to the brightness of the screen. */

export interface Look {
  /** -1 to 1; 0 as the film's own window has it. */
  brightness: number;
  /** -1 to 1; each 0.5 doubles or halves the slope. */
  contrast: number;
  gamma: number;
  invert: boolean;
  /** 0 to 1: how much of the brightness is relative to the surroundings. */
  local: number;
}

export const PLAIN: Look = { brightness: 0, contrast: 0, gamma: 1, invert: false, local: 0 };

/** The grey values drawn black and white, from the film's own window. */
export function windowOf(own: readonly [number, number], look: Pick<Look, "brightness" | "contrast">): [number, number] {
  const [low, high] = own;
  const width = Math.max(high - low, 1e-6);
  const centre = (low + high) / 2 - look.brightness * width;
  const half = width / 2 / 4 ** look.contrast;
  return [centre - half, centre + half];
}

/** Brightness (0 to 1) of a grey value; the shader does the same. */
export function brightness(grey: number, own: readonly [number, number], look: Look): number {
  const [low, high] = windowOf(own, look);
  const share = Math.min(Math.max((grey - low) / (high - low), 0), 1) ** (1 / look.gamma);
  return look.invert ? 1 - share : share;
}

export function limited(look: Look): Look {
  const between = (value: number, low: number, high: number) => Math.min(Math.max(value, low), high);
  return {
    brightness: between(look.brightness, -1, 1),
    contrast: between(look.contrast, -1, 1),
    gamma: between(look.gamma, 0.3, 3),
    invert: look.invert,
    local: between(look.local, 0, 1),
  };
}
