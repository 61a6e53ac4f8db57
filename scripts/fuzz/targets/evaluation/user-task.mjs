// @ts-check
import { parseUserTask } from "../../../../packages/rediff/dist/evaluation/user-task.js";
import { textOf, utf8 } from "../../bytes.mjs";
import { defineTarget } from "../../target.mjs";

export default defineTarget({
  covers: ["evaluation/user-task.js"],
  seeds: [
    'task: mine\nabout: colours\nprompt: "{question}\\n{options}"\nimages: [image]\ntarget: answer\noptions: choices\nmetric: option\n',
    "task: plain\nprompt: What is here?\nimages: [image]\ntarget: answer\nmetric: exact_match\nignore_case: true\nsettings: { steps: 8, gen_length: 8 }\n",
  ].map(utf8),
  dictionary: [
    "task:",
    "prompt:",
    "{question}",
    "{",
    "}",
    "images:",
    "target:",
    "options:",
    "metric:",
    "anls",
    "yes_no",
    "- ",
    "&a",
    "*a",
    "null",
    "settings:",
  ],
  run: (input) => parseUserTask(textOf(input), "task.yaml"),
});
