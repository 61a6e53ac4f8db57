// Given to the server's processes (--import): in the one that holds the model, a short question with this word in it does
// what memory or a fault in native code does. The process is dead before the request has begun.

export const POISON = "b4e7-poison";

/** A message to the model's process, as far as this looks into it.
 * @typedef {{ job?: { request?: { messages?: { content?: string }[] } } }} Message */

/** @type {(name: string, ...values: [Message, ...unknown[]]) => boolean} */
const emit = Object(process).emit;

/** @type {typeof emit} */
function poisoned(name, ...values) {
  const question = name === "message" ? values[0].job?.request?.messages?.at(-1)?.content : undefined;
  if (question !== undefined && question.length < 100 && question.includes(POISON))
    process.kill(process.pid, "SIGKILL");
  return emit.call(process, name, ...values);
}

// A listener of its own would have the first messages come before the process has its.
if (process.argv[1]?.includes("model-process")) Object.assign(process, { emit: poisoned });
