/** The sheet, tables and formats of other tools. */

import { useSignal } from "@preact/signals";
import { address, api } from "../api";
import { said, t } from "../i18n";
import { film } from "../state/film";
import { session } from "../state/session";
import { Modal } from "./Modal";

export function Output({ close }: { close: () => void }) {
  const now = film.value;
  const formats = session.value?.formats ?? [];
  const format = useSignal(formats[0]?.name ?? "");
  const which = useSignal<"confirmed" | "all">("confirmed");
  const outcome = useSignal("");
  const isWriting = useSignal(false);
  const write = async (event: Event) => {
    event.preventDefault();
    isWriting.value = true;
    outcome.value = t("writing");
    try {
      const { folder, files, left_out } = await api.exportTo(format.value, which.value);
      const done = t("export_done", { count: files, folder });
      outcome.value = left_out.length ? `${done}. ${t("export_left_out", { films: left_out.join(t("comma")) })}` : done;
    } catch (error) {
      outcome.value = t("failed", { reason: said(error instanceof Error ? error.message : String(error)) });
    }
    isWriting.value = false;
  };
  return (
    <Modal title={t("output")} close={close}>
      <div class="form">
        {now && (
          <section>
            <h3>
              {t("this_film")} <bdi>{now.id}</bdi>
            </h3>
            <p class="links">
              {session.value?.pdf ? (
                <a class="button main" href={address.pdf(now.n)} target="_blank" rel="noopener">
                  {t("sheet_pdf")}
                </a>
              ) : (
                <span class="button off">
                  {t("sheet_pdf")}: {t("pdf_missing")}
                </span>
              )}
              <a class="button" href={address.sheet(now.n)} target="_blank" rel="noopener">
                {t("sheet")}
              </a>
              <a class="button" href={address.landmarks(now.n)} download>
                {t("csv_landmarks")}
              </a>
              <a class="button" href={address.measurements(now.n)} download>
                {t("csv_measurements")}
              </a>
            </p>
          </section>
        )}
        <section>
          <h3>{t("all_films")}</h3>
          <p class="links">
            <a class="button" href={address.landmarks(null)} download>
              {t("csv_landmarks")}
            </a>
            <a class="button" href={address.measurements(null)} download>
              {t("csv_measurements")}
            </a>
          </p>
        </section>
        <form onSubmit={(event) => void write(event)}>
          <h3>{t("export")}</h3>
          <div class="line-up">
            <label class="field">
              <span>{t("export_format")}</span>
              <select value={format.value} onChange={(event) => (format.value = event.currentTarget.value)}>
                {formats.map(({ name, title }) => (
                  <option key={name} value={name}>
                    {said(title || name)}
                  </option>
                ))}
              </select>
            </label>
            <label class="field">
              <span>{t("films")}</span>
              <select value={which.value} onChange={(event) => (which.value = event.currentTarget.value as "confirmed" | "all")}>
                <option value="confirmed">{t("export_confirmed")}</option>
                <option value="all">{t("export_all")}</option>
              </select>
            </label>
            <button type="submit" class="main" disabled={isWriting.value || !format.value}>
              {t("export_run")}
            </button>
          </div>
          <p aria-live="polite">
            <bdi>{outcome.value}</bdi>
          </p>
        </form>
      </div>
    </Modal>
  );
}
