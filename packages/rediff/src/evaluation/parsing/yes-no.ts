/** Yes or no, as three scripts read it. */
import { stripPython } from "../../text/python-strip.js";

export type YesNo = "yes" | "no";

/** MME: by the first four characters, so that "not", "now" and "snow" are no. */
export function yesNoStart(answer: string): YesNo | undefined {
  const text = stripPython(answer.toLowerCase()).replaceAll(".", "");
  if (text === "yes" || text === "y") return "yes";
  if (text === "no" || text === "n") return "no";
  const start = [...text].slice(0, 4).join("");
  if ([...text].length < 2) return undefined;
  return start.includes("yes") ? "yes" : start.includes("no") ? "no" : undefined;
}

/** POPE's own script: no by one of three words before the first full stop, and otherwise yes, whatever it says. */
export function yesUnlessNo(answer: string): YesNo {
  const [sentence = ""] = answer.split(".");
  const words = sentence.replaceAll(",", "").split(" ");
  return ["No", "no", "not"].some((word) => words.includes(word)) ? "no" : "yes";
}

/** The whole answer, in any case. */
export function yesNoAlone(answer: string): YesNo | undefined {
  const text = stripPython(answer.toLowerCase());
  return text === "yes" || text === "no" ? text : undefined;
}
