/** The turn that each position belongs to, read from a sample's labels (spec of the dialogue-causal mask: position i may
 *  attend to j iff turn(j) <= turn(i)).
 *
 *  Labels, not ids, because the sequence has its pictures expanded by then. A message runs from a start of header to the next
 *  end of turn; it is the assistant's when the label after its start is the role's first token, which prompts do not
 *  have. A new turn starts with a message that is not the assistant's and follows one that is. */

export type ConversationTokens = {
  startHeader: number;
  eot: number;
  /** The first token of "assistant". */
  assistant: number;
};

/** One turn number, from 0, for every label. Gaps and the tail (end-of-text padding) inherit what precedes them. */
export function conversationIds(labels: ArrayLike<number>, tokens: ConversationTokens): number[] {
  const ids = new Array<number>(labels.length).fill(0);
  const nextEnd = positionsOfNext(labels, tokens.eot);
  let turn = 0;
  let afterAssistant = false;
  for (let start = 0; start < labels.length; start++) {
    const end = nextEnd[start];
    if (labels[start] !== tokens.startHeader || end === undefined) continue;
    const isAssistant = labels[start + 1] === tokens.assistant;
    if (afterAssistant && !isAssistant) turn++;
    ids.fill(turn, start, end + 1);
    afterAssistant = isAssistant;
  }
  for (let i = 1; i < ids.length; i++) ids[i] ||= ids[i - 1] ?? 0;
  return ids;
}

/** For every position the first one from there on that holds `wanted`. */
function positionsOfNext(labels: ArrayLike<number>, wanted: number): (number | undefined)[] {
  const next = new Array<number | undefined>(labels.length);
  let position: number | undefined;
  for (let i = labels.length - 1; i >= 0; i--) {
    if (labels[i] === wanted) position = i;
    next[i] = position;
  }
  return next;
}
