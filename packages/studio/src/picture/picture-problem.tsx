/** What is wrong with the picture that was chosen last. */
import { useApp, useSelect } from "../app/app.js";
import { ProblemNotice } from "../ui/notice.js";
import { chooseFile } from "./picture-actions.js";

export function PictureProblem() {
  const app = useApp();
  const { problem, failed } = useSelect((state) => state.picture);
  if (problem === undefined) return null;
  return (
    <ProblemNotice problem={problem} onRetry={failed === undefined ? undefined : () => void chooseFile(app, failed)} />
  );
}
