/** What the user must know now: edits that wait, errors, someone else's edits. */

import { commit } from "../edit/actions";
import { conflict, queueState, reason, settle, trouble, waiting } from "../edit/saving";
import { described } from "../edit/describe";
import { listed, moment, said, t } from "../i18n";
import { film } from "../state/film";
import { reachable } from "../state/films";
import { open } from "../state/open";
import { focusStage } from "../stage/view";
import { Modal } from "./Modal";

export function Banners() {
  return (
    <div class="banners">
      <div aria-live="assertive">
        <Troubles />
      </div>
      <div aria-live="polite">
        <Predicting />
      </div>
    </div>
  );
}

function Troubles() {
  const count = waiting.value.length;
  return (
    <>
      {queueState.value === "shut_out" && <p class="banner bad">{t("shut_out", { count })}</p>}
      {queueState.value === "unreachable" && (
        <p class="banner bad">
          {reason.value ? t("not_written", { count, reason: said(reason.value) }) : t("unreachable", { count })}
        </p>
      )}
      {!reachable.value && !count && <p class="banner bad">{t("unreachable_idle")}</p>}
      {trouble.value && (
        <p class="banner bad">
          {trouble.value}
          <button type="button" onClick={close}>
            {t("close")}
          </button>
        </p>
      )}
    </>
  );
}

function close(): void {
  trouble.value = "";
  focusStage(); // the button that had the focus is gone
}

function Predicting() {
  const predicting = film.value?.predicting;
  if (!predicting) return null;
  if (predicting === "waiting") return <p class="banner">{t("predicting_waiting")}</p>;
  if (predicting === "running") return <p class="banner">{t("predicting_running")}</p>;
  return <p class="banner bad">{t("predicting_failed", { reason: said(predicting.replace(/^failed: /, "")) })}</p>;
}

const MOST_NAMED = 6;

/** Someone else changed the film before this page's edits arrived. Nothing is dropped unless the user says so. */
export function ConflictDialog() {
  const now = conflict.value;
  if (!now) return null;
  const mine = now.unsent.map(({ edit }) => described(edit));
  const theirs = now.film.history.filter((entry) => entry.revision > now.since).slice(-MOST_NAMED);
  const decide = (again: boolean) => {
    if (film.peek()?.n !== now.film.n) void open(now.film.n);
    for (const step of settle(again)) commit(step);
  };
  return (
    <Modal title={t("conflict_title")} describedBy="conflict" close={() => decide(true)}>
      <div id="conflict" class="form">
        <ul>
          {theirs.map((entry) => (
            <li key={entry.revision}>
              {t("conflict_who", { who: entry.reviewer || t("someone"), when: moment(entry.time), what: described(entry) })}
            </li>
          ))}
        </ul>
        <p>
          <b>{t("conflict_yours", { what: listed(mine) })}</b>
        </p>
        <div class="buttons">
          <button type="button" class="main" onClick={() => decide(true)}>
            {t("conflict_apply")}
          </button>
          <button type="button" onClick={() => decide(false)}>
            {t("conflict_drop")}
          </button>
        </div>
      </div>
    </Modal>
  );
}
