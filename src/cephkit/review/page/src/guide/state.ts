/** Missing landmarks, placed one after the other. */

import { signal } from "@preact/signals";
import { definitionOf, t, titleOf } from "../i18n";
import { focusStage } from "../stage/view";
import { missing, pointSignal } from "../state/film";
import { landmarkOf, say } from "../state/session";

/** The landmark to place now; null while there is no guide. */
export const guided = signal<string | null>(null);
/** Those of this round, in order, and those that the user passed over. */
export const round = signal<readonly string[]>([]);

export function begin(symbol: string | null = missing.peek()[0] ?? null): void {
  // One that is not sought has a round of its own.
  if (symbol !== null) round.value = missing.peek().includes(symbol) ? missing.peek() : [symbol];
  go(symbol);
  if (symbol === null) return say(t("guide_done"));
  focusStage();
}

export function stop(): void {
  guided.value = null;
  focusStage(); // a button of the guide may have had the focus
}

/** To `symbol`, or out of the guide. */
function go(symbol: string | null): void {
  guided.value = symbol;
  const landmark = symbol && landmarkOf(symbol);
  if (landmark) say(t("guide_now", { symbol, title: titleOf(landmark), definition: definitionOf(landmark) }));
}

/** On to the next landmark that is still missing. */
export function advance(): void {
  const symbols = round.peek();
  const here = symbols.indexOf(guided.peek() ?? "");
  const next = symbols.slice(here + 1).find((symbol) => pointSignal(symbol).peek() === null);
  go(next ?? null);
  if (!next && !missing.peek().length) say(t("guide_done"));
}

/** Back to the one before, whether it is placed or not. */
export function back(): void {
  const here = round.peek().indexOf(guided.peek() ?? "");
  go(round.peek()[Math.max(0, here - 1)] ?? null);
}
