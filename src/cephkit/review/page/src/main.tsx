import { render } from "preact";
import { api, Refused } from "./api";
import { App } from "./app";
import { flush } from "./edit/actions";
import type { Step } from "./edit/history";
import { unsavedOf } from "./edit/keep";
import { queue, recover, unsaved } from "./edit/saving";
import { t } from "./i18n";
import { watchOutlines } from "./overlay/Outlines";
import { loadRows, rows, watchRows } from "./state/films";
import { open, refresh, watchHalf } from "./state/open";
import { begin, failure, say } from "./state/session";
import { onKeyDown } from "./stage/keys";
import { watchMeasurements } from "./table/state";
import "./styles/page.css";
import "./styles/film.css";
import "./styles/panels.css";

async function start(): Promise<void> {
  const session = await api.session();
  begin(session);
  await loadRows();
  watchRows((changed) => void refresh(changed));
  watchMeasurements();
  watchOutlines();
  watchHalf();
  await resend(session.out);
  const asked = Number(location.hash.slice(1) || NaN);
  const first = rows.peek().find((row) => row.n === asked) ?? rows.peek().find((row) => !row.broken);
  if (first) await open(first.n);
}

/** Edits that were not saved when the page was closed or reloaded. */
async function resend(out: string): Promise<void> {
  const kept = recover(out);
  const steps: Step[] = [];
  for (const n of new Set(kept.map((step) => step.film))) {
    // A film that cannot be shown now must not keep the page from opening; its edits are told of by the queue.
    const film = await api.film(n).catch(() => null);
    if (film) queue.loaded(n, film.state.revision);
    steps.push(...(film ? unsavedOf(kept, film) : kept.filter((step) => step.film === n)));
  }
  for (const step of steps) queue.push(step);
  if (steps.length) say(t("recovered", { count: steps.length }));
}

window.addEventListener("keydown", onKeyDown);
window.addEventListener("pagehide", flush);
window.addEventListener("beforeunload", (event) => {
  flush();
  if (unsaved().length) event.preventDefault();
});

const root = document.getElementById("page");
if (root) render(<App />, root);
start().catch((error: unknown) => {
  failure.value = error instanceof Refused ? error.message : String(error);
});
