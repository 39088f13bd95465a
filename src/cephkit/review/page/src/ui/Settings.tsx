/** Who reviews, in which language, light or dark. */

import { language, t } from "../i18n";
import type { Language } from "../contract";
import { reviewer, session, theme, type Theme } from "../state/session";
import { Modal } from "./Modal";

export function Settings({ close }: { close: () => void }) {
  return (
    <Modal title={t("settings")} close={close}>
      <form class="form" method="dialog">
        <label class="field">
          <span>{t("reviewer")}</span>
          <input
            value={reviewer.value}
            maxLength={80}
            placeholder={t("reviewer_hint")}
            onInput={(event) => (reviewer.value = event.currentTarget.value)}
          />
        </label>
        <label class="field">
          <span>{t("language")}</span>
          <select value={language.value} onChange={(event) => (language.value = event.currentTarget.value as Language)}>
            <option value="en" lang="en">
              English
            </option>
            <option value="fa" lang="fa">
              فارسی
            </option>
          </select>
        </label>
        <label class="field">
          <span>{t("theme")}</span>
          <select value={theme.value} onChange={(event) => (theme.value = event.currentTarget.value as Theme)}>
            {(["auto", "light", "dark"] as const).map((name) => (
              <option key={name} value={name}>
                {t(`theme_${name}`)}
              </option>
            ))}
          </select>
        </label>
        <p class="quiet">
          <bdi>cephkit {session.value?.version}</bdi> · <bdi>{session.value?.out}</bdi>
        </p>
      </form>
    </Modal>
  );
}
