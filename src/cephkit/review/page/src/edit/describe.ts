/** Edits in words. */

import type { Edit } from "../contract";
import { listed, t } from "../i18n";

export function described(edit: Edit): string {
  switch (edit.kind) {
    case "points":
      return t("edit_points", { symbols: listed(edit.changes.map(({ symbol }) => symbol)) });
    case "film":
      return t(edit.after ? "edit_film_confirmed" : "edit_film_unconfirmed");
    case "spacing":
      return t("edit_spacing");
    case "subject":
      return t("edit_subject");
  }
}
