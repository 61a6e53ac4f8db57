/** The API page, fetched when it is wanted. */
import { useEffect, useState } from "preact/hooks";
import type { ApiReference } from "./api-reference.js";

export function ApiTab() {
  const [part, setPart] = useState<{ View: typeof ApiReference }>();
  const [failed, setFailed] = useState(false);
  useEffect(() => {
    import("./api-reference.js").then(
      ({ ApiReference: View }) => setPart({ View }),
      () => setFailed(true),
    );
  }, []);
  if (failed) return <p class="note">This part of the page cannot be fetched. Reload it when the server is there.</p>;
  return part === undefined ? null : <part.View />;
}
