/** How often it comes out like this: the published table of the embedded model, and the same scenes as this page draws
 *  them. One example proves nothing. */

import { useSelect } from "../app/app.js";
import { heldOut, table, tokensPerStep } from "../gallery/gallery.js";
import { answering } from "../models/answering.js";
import { percent } from "../ui/percent.js";

export function HowOften() {
  const models = useSelect((state) => state.models);
  const answers = useSelect(answering);
  const [own, other] = models;
  // The figures are of these two models and of no others.
  if (answers !== own || !own?.rediff.embedded || !other?.rediff.embedded) return null;
  const { scenes, both, rediffOnly, baselineOnly, neither } = heldOut;
  const left = other.rediff.title;
  const right = `${own.rediff.title}, revising`;
  const share = (count: number, of: number) => `${count} of ${of} (${percent(count / of)})`;
  return (
    <details class="card more how-often">
      <summary>How often does it come out like this?</summary>
      <div class="how-often-inner">
        <p>
          Captions without any error, of scenes that no training has seen, with {tokensPerStep} tokens per step. The
          scene that this page opens with is the first whose figures are nearest to the table's.
        </p>
        <table>
          <thead>
            <tr>
              <th scope="col">Held-out scenes</th>
              <th scope="col">{left}</th>
              <th scope="col">{right}</th>
            </tr>
          </thead>
          <tbody>
            <tr>
              <th scope="row">as the published table has them</th>
              <td>{share(table.baseline.exact, table.baseline.pictures)}</td>
              <td>{share(table.rediff.exact, table.rediff.pictures)}</td>
            </tr>
            <tr>
              <th scope="row">the same, drawn as this page draws</th>
              <td>{share(both + baselineOnly, scenes)}</td>
              <td>{share(both + rediffOnly, scenes)}</td>
            </tr>
          </tbody>
        </table>
        <p>
          Of the latter: only {own.rediff.title} was right in <b>{rediffOnly}</b>, both in <b>{both}</b>, only {left} in{" "}
          <b>{baselineOnly}</b>, neither in <b>{neither}</b>.
        </p>
      </div>
    </details>
  );
}
