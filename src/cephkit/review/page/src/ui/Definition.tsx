/** Where a landmark lies, in words and on a picture, as far as that is known. */

import { address } from "../api";
import type { LandmarkInfo } from "../contract";
import { definitionOf, t, titleOf } from "../i18n";

export function Picture({ landmark }: { landmark: LandmarkInfo }) {
  if (!landmark.drawn) return null;
  return <img src={address.picture(landmark.symbol)} alt={t("picture_of", { title: titleOf(landmark) })} />;
}

export function Definition({ landmark }: { landmark: LandmarkInfo }) {
  const { differs, mirror } = landmark;
  return (
    <>
      <p>
        <bdi>{definitionOf(landmark) || t("no_definition")}</bdi>
      </p>
      {differs && <p>{t("differs", { text: differs })}</p>}
      {mirror && <p>{t("mirror", { symbol: mirror })}</p>}
    </>
  );
}
