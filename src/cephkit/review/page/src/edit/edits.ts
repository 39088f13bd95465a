/** Edits as values: apply one to a state, turn it round, say whether it does anything. */

import type { Edit, Point, PointState, Spacing, Subject, XY } from "../contract";

/** All that edits change of a film. */
export interface Content {
  points: Record<string, Point>;
  confirmed: boolean;
  spacing: Spacing | null;
  subject: Subject;
}

export function contentOf(state: PointState, spacing: Spacing | null): Content {
  return { points: state.points, confirmed: state.confirmed, subject: state.subject, spacing };
}

export function applied(content: Content, edit: Edit): Content {
  switch (edit.kind) {
    case "points": {
      const points = { ...content.points };
      for (const { symbol, after } of edit.changes) {
        if (after) points[symbol] = after;
        else delete points[symbol];
      }
      return { ...content, points };
    }
    case "film":
      return { ...content, confirmed: edit.after };
    case "spacing":
      return { ...content, spacing: edit.after };
    case "subject":
      return { ...content, subject: edit.after };
  }
}

/** The edit that takes `edit` back. */
export function inverted(edit: Edit): Edit {
  switch (edit.kind) {
    case "points":
      return {
        kind: "points",
        changes: edit.changes.map(({ symbol, before, after }) => ({ symbol, before: after, after: before })),
      };
    case "film":
      return { kind: "film", before: edit.after, after: edit.before };
    case "spacing":
      return { kind: "spacing", before: edit.after, after: edit.before };
    case "subject":
      return { kind: "subject", before: edit.after, after: edit.before };
  }
}

/** The edit with the same outcome on another state, e.g. after someone else's edits; null if nothing is left to do. */
export function rebased(edit: Edit, content: Content): Edit | null {
  switch (edit.kind) {
    case "points": {
      const changes = edit.changes
        .map(({ symbol, after }) => ({ symbol, before: content.points[symbol] ?? null, after }))
        .filter(({ before, after }) => !same(before, after));
      return changes.length ? { kind: "points", changes } : null;
    }
    case "film":
      return content.confirmed === edit.after ? null : { kind: "film", before: content.confirmed, after: edit.after };
    case "spacing":
      return same(content.spacing, edit.after) ? null : { kind: "spacing", before: content.spacing, after: edit.after };
    case "subject":
      return same(content.subject, edit.after) ? null : { kind: "subject", before: content.subject, after: edit.after };
  }
}

/** Whether two plain values are equal, whatever the order of their keys. */
export function same(one: unknown, other: unknown): boolean {
  if (one === other) return true;
  if (typeof one !== "object" || typeof other !== "object" || !one || !other) return false;
  const keys = Object.keys(one).filter((key) => (one as Record<string, unknown>)[key] !== undefined);
  const others = Object.keys(other).filter((key) => (other as Record<string, unknown>)[key] !== undefined);
  return (
    keys.length === others.length &&
    keys.every((key) => same((one as Record<string, unknown>)[key], (other as Record<string, unknown>)[key]))
  );
}

/** Film pixels to a hundredth: what is sent is what is drawn. */
export function rounded([x, y]: XY): XY {
  return [Math.round(x * 100) / 100, Math.round(y * 100) / 100];
}

/** `point` after a person moved it to `at`. */
export function moved(point: Point | null, at: XY): Point {
  return { at: rounded(at), origin: point && point.origin !== "placed" ? "corrected" : "placed", confirmed: point?.confirmed ?? false };
}
