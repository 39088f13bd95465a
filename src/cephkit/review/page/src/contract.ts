/** What the server sends and takes. Points are film pixels, pixel centres at integers. */

export type XY = readonly [number, number];
/** Row by row; symmetric. */
export type Matrix = readonly [XY, XY];
export type Tissue = "bone" | "tooth" | "soft";
export type Origin = "predicted" | "label" | "corrected" | "placed" | "found_again";
export type Status = "unreviewed" | "started" | "confirmed";
export type Language = "en" | "fa";

export interface LandmarkInfo {
  symbol: string;
  title: string;
  tissue: Tissue;
  title_fa: string;
  definition: string;
  definition_fa: string;
  /** How it differs from the landmark of the same symbol elsewhere. */
  differs: string;
  /** The same landmark on the other side of the head. */
  mirror: string;
  /** Whether there is a picture of where it lies, and outlines may follow it. */
  drawn: boolean;
}

export interface LineInfo {
  name: string;
  /** A landmark, or several for the point midway between them. */
  start: string[];
  end: string[];
  tissue: Tissue;
  dashed: boolean;
  /** The line is left out if this landmark is present. */
  unless: string | null;
}

export interface Named {
  name: string;
  title: string;
}

export interface Session {
  version: string;
  notice: string;
  language: Language | "auto";
  reviewer: string;
  source: { kind: "films" | "dataset"; name: string };
  has_model: boolean;
  in_place: boolean;
  out: string;
  landmarks: LandmarkInfo[];
  lines: LineInfo[];
  analyses: Named[];
  formats: Named[];
  pdf: boolean;
  films: number;
  /** An expected error beyond which a landmark needs review; without a pixel size, as a share of the film's height. */
  review_mm: number;
  review_height: number;
  /** Where no errors are expected, a landmark with a lower score needs review. */
  weak_score: number;
}

export interface FilmRow {
  n: number;
  id: string;
  file: string;
  split: string;
  status: Status;
  /** Why the film cannot be read; empty if it can. */
  broken: string;
  largest_error_mm: number | null;
  largest_error_px: number | null;
  largest_distance_mm: number | null;
  missing: number;
  needs_review: number;
  doubt: string;
  points: number;
}

export interface FilmRows {
  revision: number;
  films: FilmRow[];
}

/** What a model said of a point that it found again. */
export interface Found {
  model: Record<string, unknown>;
  score: number | null;
  expected_error_px: number | null;
  region_90: Matrix | null;
}

export interface Point {
  at: XY;
  origin: Origin;
  confirmed: boolean;
  /** Of points found again. */
  found?: Found;
}

export interface Spacing {
  row_mm: number;
  column_mm: number;
  origin: string;
  plane: string;
}

export interface Subject {
  age: number | null;
  sex: "female" | "male" | null;
}

export interface PointChange {
  symbol: string;
  before: Point | null;
  after: Point | null;
}

export type Edit = (
  | { kind: "points"; changes: PointChange[] }
  | { kind: "film"; before: boolean; after: boolean }
  | { kind: "spacing"; before: Spacing | null; after: Spacing | null }
  | { kind: "subject"; before: Subject; after: Subject }
) & { undoes?: number };

/** An edit that is in the journal. */
export type Entry = Edit & { revision: number; time: string; reviewer: string };

export interface Prediction {
  points: Record<string, XY>;
  scores: Record<string, number>;
  expected_errors_px: Record<string, number>;
  regions_90: Record<string, Matrix>;
  missing: string[];
  needs_review: string[];
  model: string | null;
}

export interface PointState {
  revision: number;
  confirmed: boolean;
  points: Record<string, Point>;
  subject: Subject;
}

export interface FilmState {
  n: number;
  id: string;
  file: string;
  split: string;
  size: [number, number];
  depth: 8 | 16;
  hash: string;
  tile: number;
  levels: [number, number][];
  window: [number, number];
  notes: string[];
  facing: string;
  doubt: string;
  /** Landmarks that cephkit check found doubtful. */
  doubted: string[];
  /** As in EXIF: 1 if the film is upright. */
  orientation: number;
  spacing: Spacing | null;
  /** Height of a pixel by its width, also while no pixel size is set if the file says one. */
  aspect: number;
  /** The landmarks that the film should have; those without a point are missing. */
  sought: string[];
  truth: Record<string, Record<string, XY>>;
  predicted: Prediction | null;
  predicting: string;
  state: PointState;
  history: Entry[];
}

export interface Norm {
  mean: number | null;
  sd: number | null;
  low: number | null;
  high: number | null;
  source: string;
  kind: string;
  sample: string;
  note: string;
}

export interface Measurement {
  measurement: string;
  analysis: string;
  name: string;
  unit: "deg" | "mm" | "%" | "ratio";
  value: number | null;
  standard_error: number | null;
  absent: string;
  norm: Norm | null;
  norm_withheld: string;
  deviation_sd: number | null;
  against_range: "below" | "within" | "above" | null;
  class: string | null;
  class_question: string;
  class_rule: string;
  class_probabilities: Record<string, number> | null;
  class_withheld: string;
  landmarks: string[];
  note: string;
}

export interface Measured {
  rows: Measurement[];
  notes: string[];
}

export interface OutlineInfo {
  name: string;
  tissue: Tissue;
  closed: boolean;
  /** The landmarks that the outline follows. */
  symbols: string[];
  /** (points, symbols, 2); a point of the outline is a weighted sum of landmarks x + iy, with complex weights. */
  weights: XY[][];
}

export interface Outlines {
  outlines: OutlineInfo[];
}

/** The landmarks that were not held; nothing is saved yet. */
export interface FoundAgain {
  points: Record<string, Point>;
}

export interface Exported {
  folder: string;
  files: number;
  /** Films that cannot be read. */
  left_out: string[];
}
