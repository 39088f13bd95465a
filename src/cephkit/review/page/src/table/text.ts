/** What a row of the table says in words. */

import type { Measurement, Norm } from "../contract";
import { DIGITS, isolated, number, quantity, said, share, t } from "../i18n";

/** No class is at least this probable: the case is on the border. */
const BORDER_BELOW = 0.8;

export function normText(norm: Norm, unit: Measurement["unit"]): string {
  const figure = (value: number) => number(value, value % 1 === 0 ? 0 : DIGITS[unit]);
  const { mean, sd, low, high } = norm;
  if (mean !== null && sd !== null) return t("norm_mean_sd", { mean: figure(mean), sd: figure(sd) });
  if (low !== null && high !== null) return t("norm_range", { low: figure(low), high: figure(high) });
  if (low !== null) return t("norm_from", { low: figure(low) });
  if (high !== null) return t("norm_to", { high: figure(high) });
  if (mean !== null) return norm.kind === "goal" ? t("norm_goal", { mean: figure(mean) }) : figure(mean);
  return "";
}

export function deviationText(row: Measurement): string {
  if (row.deviation_sd !== null) return t("deviation_sd", { value: number(row.deviation_sd, 1, true) });
  if (row.against_range) return t(`deviation_${row.against_range}`);
  if (row.value !== null && row.norm && row.norm.mean !== null) return number(row.value - row.norm.mean, DIGITS[row.unit], true);
  return "";
}

/** The classes, the most probable first, down to one percent. */
export function classShares(row: Measurement): { name: string; share: number }[] {
  return Object.entries(row.class_probabilities ?? {})
    .map(([name, value]) => ({ name, share: value }))
    .filter((one) => one.share >= 0.01)
    .sort((a, b) => b.share - a.share);
}

export function classText(row: Measurement): string {
  if (!row.class) return "";
  const shares = classShares(row);
  if (!shares.length) return `${said(row.class)} (${t("class_unknown")})`;
  const text = shares.slice(0, 3).map((one) => isolated(`${share(one.share)} ${said(one.name)}`)).join(t("comma"));
  return isBorderline(row) ? `${text} (${t("class_border")})` : text;
}

export function isBorderline(row: Measurement): boolean {
  const shares = classShares(row);
  return shares.length > 0 && (shares[0]?.share ?? 1) < BORDER_BELOW;
}

/** Why there is no value, in the language of the page where it is one of the usual reasons. */
export function absentText(reason: string): string {
  const missing = /^(.+) missing$/.exec(reason);
  if (missing?.[1]) return t("missing_landmarks", { symbols: missing[1] });
  return said(reason);
}

export const errorText = (row: Measurement) =>
  row.standard_error === null ? "" : `± ${number(row.standard_error, Math.min(DIGITS[row.unit], 3))}`;

export const valueText = (row: Measurement) => (row.value === null ? "–" : quantity(row.value, row.unit, DIGITS[row.unit]));
