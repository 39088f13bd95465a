/** Edits and landmarks in words. */

import type { Edit, PointChange } from "../contract";
import { listed, t } from "../i18n";
import { film, needsReview, pointSignal } from "../state/film";
import { same } from "./edits";

function changed({ symbol, before, after }: PointChange): string {
  if (!after) return t("removed", { symbol });
  if (!before) return t("placed", { symbol });
  if (!same(before.at, after.at)) return t("moved", { symbol });
  if (before.confirmed !== after.confirmed) return t(after.confirmed ? "confirmed_point" : "unconfirmed_point", { symbol });
  return t("edit_points", { symbols: symbol });
}

export function described(edit: Edit): string {
  switch (edit.kind) {
    case "points":
      return edit.changes.length === 1 && edit.changes[0]
        ? changed(edit.changes[0])
        : t("edit_points", { symbols: listed(edit.changes.map(({ symbol }) => symbol)) });
    case "film":
      return t(edit.after ? "edit_film_confirmed" : "edit_film_unconfirmed");
    case "spacing":
      return t("edit_spacing");
    case "subject":
      return t("edit_subject");
  }
}

/** Where a landmark's point comes from, and whether anyone has looked at it. */
export function standing(symbol: string): string {
  const point = pointSignal(symbol).value;
  if (!point) return t(film.value?.sought.includes(symbol) ? "missing" : "unsought");
  const words = [t(`origin_${point.origin}`)];
  if (point.confirmed) words.push(`✓ ${t("confirmed")}`);
  else if (needsReview(symbol)) words.push(`! ${t("needs_review")}`);
  return words.join(t("comma"));
}
