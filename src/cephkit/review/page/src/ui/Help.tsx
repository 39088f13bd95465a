/** All keys. */

import { t, type Key } from "../i18n";
import { Legend } from "./Legend";
import { Modal } from "./Modal";

const GROUPS: readonly { title: Key; keys: readonly [string, Key][] }[] = [
  {
    title: "help_landmarks",
    keys: [
      ["← → ↑ ↓", "key_move"],
      ["Shift + ←…", "key_move_ten"],
      ["N, Shift+N", "key_next"],
      ["R", "key_review"],
      ["C, Enter", "key_confirm"],
      ["Backspace", "key_reset"],
      ["Delete", "key_remove"],
      ["Ctrl+Z", "key_undo"],
      ["Ctrl+Y, Ctrl+Shift+Z", "key_redo"],
      ["G", "key_guide"],
      ["Enter", "key_place"],
      ["F", "key_find"],
      ["Esc", "key_escape"],
    ],
  },
  {
    title: "help_film",
    keys: [
      ["+, −", "key_zoom"],
      ["0, 1", "key_fit"],
      ["I", "key_invert"],
      ["L", "key_local"],
      ["W", "key_look"],
      ["M, T, O, E, U, P", "key_layers"],
      ["K", "key_calibrate"],
    ],
  },
  {
    title: "help_pages",
    keys: [
      ["Page Up, Page Down", "key_films"],
      ["Shift+C", "key_confirm_film"],
      ["/", "key_search"],
      ["H, ?, F1", "key_help"],
    ],
  },
];

const MOUSE: readonly Key[] = ["mouse_drag", "mouse_wheel", "mouse_pan", "mouse_window"];

export function Help({ close }: { close: () => void }) {
  return (
    <Modal title={t("help_title")} close={close}>
      <div class="help">
        {GROUPS.map(({ title, keys }) => (
          <section key={title}>
            <h3>{t(title)}</h3>
            <dl>
              {keys.map(([key, text]) => (
                <div key={key + text}>
                  <dt dir="ltr">
                    {key.split(", ").map((one) => (
                      <kbd key={one}>{one}</kbd>
                    ))}
                  </dt>
                  <dd>{t(text)}</dd>
                </div>
              ))}
            </dl>
          </section>
        ))}
        <section>
          <ul>
            {MOUSE.map((key) => (
              <li key={key}>{t(key)}</li>
            ))}
          </ul>
          <Legend />
          <p>{t("research_use")}</p>
        </section>
      </div>
    </Modal>
  );
}
