/** The page. */

import { useSignalEffect } from "@preact/signals";
import { direction, language, said, t } from "./i18n";
import { FilmList } from "./list/FilmList";
import { Facts } from "./panels/Facts";
import { Landmarks } from "./panels/Landmarks";
import { Stage } from "./stage/Stage";
import { film } from "./state/film";
import { announcement, failure, reviewer, session, theme } from "./state/session";
import { Table } from "./table/Table";
import { Banners, ConflictDialog } from "./ui/Banners";
import { Help } from "./ui/Help";
import { Output } from "./ui/Output";
import { SaveState } from "./ui/SaveState";
import { Settings } from "./ui/Settings";
import { dialog, pane, side } from "./ui/state";
import { Tool } from "./ui/Tool";
import { Toolbar } from "./ui/Toolbar";

export function App() {
  useSignalEffect(() => {
    const root = document.documentElement;
    root.lang = language.value;
    root.dir = direction.value;
    root.dataset.theme = theme.value;
    document.title = t("app");
  });
  if (failure.value) return <p class="middle bad">{said(failure.value)}</p>;
  if (!session.value) return <p class="middle">{t("loading")}</p>;
  return (
    <div class={`page show-${pane.value}`}>
      <Header />
      <Banners />
      <main>
        <FilmList chosen={() => (pane.value = "film")} />
        <div class="centre">
          <Toolbar />
          <Stage />
        </div>
        <Side />
      </main>
      <Footer />
      <Dialogs />
    </div>
  );
}

function Header() {
  return (
    <header class="top">
      <h1>
        cephkit <small><bdi>{session.value?.source.name}</bdi></small>
      </h1>
      <bdi class="film-name" title={film.value?.file}>
        {film.value?.id}
      </bdi>
      <SaveState />
      <span class="spring" />
      <button type="button" class="tool reviewer" title={t("reviewer_hint")} onClick={() => (dialog.value = "settings")}>
        {t("reviewer")}: <bdi>{reviewer.value || "–"}</bdi>
      </button>
      <button type="button" class="tool" lang={language.value === "fa" ? "en" : "fa"} aria-label={language.value === "fa" ? "English" : "فارسی"} onClick={() => (language.value = language.value === "fa" ? "en" : "fa")}>
        {language.value === "fa" ? "English" : "فارسی"}
      </button>
      <Tool icon="output" label={t("output")} onClick={() => (dialog.value = "output")}>
        <span class="word">{t("output")}</span>
      </Tool>
      <Tool icon="settings" label={t("settings")} onClick={() => (dialog.value = "settings")} />
      <Tool icon="help" label={t("help")} keys="H" onClick={() => (dialog.value = "help")} />
    </header>
  );
}

function Side() {
  const tabs = ["measurements", "landmarks", "film"] as const;
  const onKeyDown = (event: KeyboardEvent) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const turn = direction.value === "rtl" ? -step : step;
    side.value = tabs[(tabs.indexOf(side.value) + turn + tabs.length) % tabs.length] ?? "measurements";
    event.preventDefault();
    requestAnimationFrame(() => document.getElementById(`tab-${side.value}`)?.focus());
  };
  return (
    <section class="side">
      <div class="tabs" role="tablist" onKeyDown={onKeyDown}>
        {tabs.map((name) => (
          <button
            key={name}
            id={`tab-${name}`}
            type="button"
            role="tab"
            aria-selected={side.value === name}
            aria-controls="side"
            tabIndex={side.value === name ? 0 : -1}
            onClick={() => (side.value = name)}
          >
            {t(name)}
          </button>
        ))}
      </div>
      <div id="side" class="scroll" role="tabpanel" aria-labelledby={`tab-${side.value}`} tabIndex={0}>
        {side.value === "measurements" ? <Table /> : side.value === "landmarks" ? <Landmarks /> : <Facts />}
      </div>
    </section>
  );
}

function Footer() {
  return (
    <footer>
      <nav class="panes" aria-label={t("app")}>
        {(["list", "film", "side"] as const).map((name) => (
          <button key={name} type="button" aria-pressed={pane.value === name} onClick={() => (pane.value = name)}>
            {t(`tab_${name}`)}
          </button>
        ))}
      </nav>
      <strong>{t("research_use")}</strong>
      <span class="announcement" role="status" aria-live="polite">
        {announcement.value}
      </span>
    </footer>
  );
}

function Dialogs() {
  const close = () => (dialog.value = null);
  return (
    <>
      {dialog.value === "help" && <Help close={close} />}
      {dialog.value === "settings" && <Settings close={close} />}
      {dialog.value === "output" && <Output close={close} />}
      <ConflictDialog />
    </>
  );
}
