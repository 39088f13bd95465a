/** A button with a picture, or a picture and a word. */

import type { ComponentChildren } from "preact";
import { Icon, type IconName } from "./Icon";

interface Props {
  icon: IconName;
  label: string;
  /** The key that does the same. */
  keys?: string;
  onClick: () => void;
  pressed?: boolean;
  disabled?: boolean;
  class?: string;
  children?: ComponentChildren;
}

export function Tool({ icon, label, keys, onClick, pressed, disabled, class: extra, children }: Props) {
  return (
    <button
      type="button"
      class={`tool ${extra ?? ""}`}
      title={keys ? `${label} (${keys})` : label}
      aria-label={label}
      aria-keyshortcuts={keys}
      aria-pressed={pressed}
      disabled={disabled}
      onClick={onClick}
    >
      <Icon name={icon} />
      {children}
    </button>
  );
}
