/** Words of the server: a sentence, a name. */

import { languageOf, said } from "../i18n";

/** Told in the language of the page if they are known in it, between `before` and `after`. */
export function Said({ text, before = "", after = "" }: { text: string; before?: string; after?: string }) {
  const isPersian = languageOf(text) === "fa";
  return (
    <bdi lang={isPersian ? "fa" : "en"} dir={isPersian ? "rtl" : undefined}>
      {`${before}${said(text)}${after}`}
    </bdi>
  );
}
