/** Where the true point lies with 90 % probability, as long as no person has touched the landmark. */

import { useComputed } from "@preact/signals";
import { view } from "../stage/view";
import { needsReview, pointSignal, regionOf } from "../state/film";
import { regionEllipse } from "./geometry";
import { scaled } from "./Overlay";

export function Region({ symbol }: { symbol: string }) {
  const shape = useComputed(() => {
    const point = pointSignal(symbol).value;
    const region = regionOf(symbol);
    if (!point || !region) return null;
    const { scale } = view.value;
    const { rx, ry, degrees } = regionEllipse(region);
    const [x, y] = scaled(point.at, scale);
    return { rx: rx * scale, ry: ry * scale, transform: `translate(${x.toFixed(2)} ${y.toFixed(2)}) rotate(${degrees.toFixed(2)})` };
  });
  if (!shape.value) return null;
  return <ellipse class={needsReview(symbol) ? "region doubtful" : "region"} {...shape.value} />;
}
