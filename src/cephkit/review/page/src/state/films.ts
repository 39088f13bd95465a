/** The list of films, kept up to date while the page is visible. */

import { computed, signal } from "@preact/signals";
import { api } from "../api";
import type { FilmRow, FilmRows } from "../contract";
import { chosen, type Filter, type Sort } from "../list/filter";

export const rows = signal<readonly FilmRow[]>([]);
export const filter = signal<Filter>("all");
export const sort = signal<Sort>("file");
export const search = signal("");
/** Whether the server answered last time. */
export const reachable = signal(true);

/** The films that the list shows, in its order. */
export const shown = computed(() => chosen(rows.value, filter.value, sort.value, search.value));

const POLL_MS = 2000;
let revision = 0;

export async function loadRows(): Promise<void> {
  take(await api.films(), true);
}

/** Ask every two seconds what changed; `changed` gets the rows that did. */
export function watchRows(changed: (rows: readonly FilmRow[]) => void): void {
  const poll = async () => {
    if (document.visibilityState === "visible") {
      try {
        const news = await api.changes(revision);
        reachable.value = true;
        if (news.films.length || news.revision !== revision) {
          // A server that was started anew counts from the beginning.
          if (news.revision < revision) take(await api.films(), true);
          else take(news, false);
          changed(news.films);
        }
      } catch {
        reachable.value = false;
      }
    }
    setTimeout(() => void poll(), POLL_MS);
  };
  setTimeout(() => void poll(), POLL_MS);
}

function take(news: FilmRows, whole: boolean): void {
  revision = news.revision;
  if (whole) rows.value = news.films;
  else if (news.films.length) {
    const changed = new Map(news.films.map((row) => [row.n, row]));
    rows.value = rows.value.map((row) => changed.get(row.n) ?? row);
  }
}
