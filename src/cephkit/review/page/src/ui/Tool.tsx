/** A button with a picture, or a picture and a word. */

import type { ComponentChildren } from "preact";
import { Icon, type IconName } from "./Icon";

interface Props {
  icon: IconName;
  label: string;
  /** What the button does, if its label does not say so. */
  hint?: string;
  /** The key that does the same. */
  keys?: string;
  onClick: () => void;
  pressed?: boolean;
  /** A button that is pressed until it has nothing more to do keeps the focus. */
  disabled?: boolean;
  class?: string;
  children?: ComponentChildren;
}

export function Tool({ icon, label, hint, keys, onClick, pressed, disabled, class: extra, children }: Props) {
  return (
    <button
      type="button"
      class={`tool ${extra ?? ""}`}
      title={keys ? `${hint ?? label} (${keys})` : (hint ?? label)}
      aria-label={label}
      aria-keyshortcuts={keys}
      aria-pressed={pressed}
      aria-disabled={disabled}
      onClick={disabled ? undefined : onClick}
    >
      <Icon name={icon} />
      {children}
    </button>
  );
}
