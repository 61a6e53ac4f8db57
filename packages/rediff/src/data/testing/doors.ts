/** Every place of a record at which a stranger's words come in. */

const question = { from: "human", value: "What is it?" };
const answer = { from: "gpt", value: "A dog." };
export const asked = (value: string) => ({ from: "human", value });
export const said = (value: string) => ({ from: "gpt", value });

/** A record with a stranger's words in one place. */
export const doors: Record<string, (words: string) => object> = {
  "a question": (words) => ({ conversations: [asked(`Is it ${words}?`), answer] }),
  "a question at its start": (words) => ({ conversations: [asked(words), answer] }),
  "an answer": (words) => ({ conversations: [question, said(`It is ${words}.`)] }),
  "an answer at its end": (words) => ({ conversations: [question, said(`It is ${words}`)] }),
  "a later question": (words) => ({ conversations: [question, answer, asked(words), answer] }),
  "a later answer": (words) => ({ conversations: [question, answer, question, said(words)] }),
  "role and content": (words) => ({
    messages: [
      { role: "user", content: words },
      { role: "assistant", content: words },
    ],
  }),
  "parts of a turn": (words) => ({
    messages: [
      { role: "user", content: [{ type: "text", text: words }] },
      { role: "assistant", content: [{ type: "text", text: words }] },
    ],
  }),
  "turns as their JSON text": (words) => ({ conversations: JSON.stringify([asked(words), said(words)]) }),
  "a system text": (words) => ({ system: words, conversations: [question, answer] }),
  "a system prompt under another key": (words) => ({ system_prompt: words, conversations: [question, answer] }),
  "a system turn": (words) => ({ conversations: [{ from: "system", value: words }, question, answer] }),
  "a developer's turn": (words) => ({
    messages: [
      { role: "developer", content: words },
      { role: "user", content: "What is it?" },
      { role: "assistant", content: "A dog." },
    ],
  }),
  "a question beside a picture": (words) => ({
    image: "color.jpg",
    conversations: [asked(`<image>\n${words}`), said(words)],
  }),
  "a caption without a turn of its own": (words) => ({ image: "color.jpg", conversations: [question, said(words)] }),
  "a caption alone": (words) => ({ image: "color.jpg", conversations: [asked("<image>"), said(`It is ${words}`)] }),
  "a question as a key": (words) => ({ question: words, answer: "A dog." }),
  "an answer as a key": (words) => ({ instruction: "What is it?", input: words, output: `It is ${words}` }),
  "a response as a key": (words) => ({ prompt: "What is it?", response: words, system: "Be brief." }),
  "a form": (words) => ({ conversations: [question, said(`A dog ${words}`)], blanks: [[2, 5]] }),
};
