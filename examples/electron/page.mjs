// @ts-check
/** The page: a picture is chosen, and its description appears, token by token. */
const input = document.querySelector("input");
const said = document.querySelector("p");
if (input === null || said === null) throw new Error("index.html has changed: it lacks its input or its paragraph");

/** Of the answer, by position; not all of them are there from the start.
 * @type {string[]} */
let tokens = [];
window.rediff.onStep(({ changes }) => {
  for (const { position, token } of changes) tokens[position] = token;
  said.textContent = Array.from(tokens, (token = "\u2591") => token).join("");
});

input.addEventListener("change", async () => {
  const file = input.files?.[0];
  if (file === undefined) return;
  tokens = [];
  input.disabled = true;
  const answer = await window.rediff.describe(new Uint8Array(await file.arrayBuffer()));
  said.textContent = "text" in answer ? answer.text : `${answer.error}. ${answer.hint ?? ""}`;
  input.disabled = false;
});
