/** Renders a chat template, a program that came with a model: within a number of steps, of elements and of letters, and
 *  within a time, as a step may go over all the letters that there are.
 *
 *  The library's own `Template.render` makes whatever `range(10**9)` asks for. Its interpreter is used here, with a count
 *  at each node of the program; the names that a template knows beside its variables are those of `Template`. */
import { Environment, Interpreter, Template } from "@huggingface/jinja";
import { withinTime } from "./within-time.js";

/** Of a template: published ones have some thousands of letters. The library looks for the end of a run of blanks from
 *  each of them. */
const MOST_SOURCE = 1 << 17;
const LONG_BLANK = /\s{1001}/;
/** A step is a node of the program that is worked out; a message of a conversation takes some dozens. */
const MOST_STEPS = 1_000_000;
/** A round of a loop has a scope of its own. */
const STEPS_OF_A_ROUND = 10;
const MOST_LETTERS = 1 << 24;
const MOST_ELEMENTS = 100_000;
/** Milliseconds, and for each letter of the conversation: hundreds of times what published templates take. */
const TEMPLATE_MS = 800;
const LETTER_MS = 0.02;
/** What a filter is told in numbers: an indent, a width. */
const LARGEST_OPTION = 1000;

/** @throws Error for a template that is broken, calls `raise_exception`, or goes on without end */
export function renderBounded(source: string, variables: Readonly<Record<string, unknown>>): string {
  if (source.length > MOST_SOURCE)
    throw new Error(`it has ${source.length} letters; at most ${MOST_SOURCE} are supported`);
  if (LONG_BLANK.test(source)) throw new Error("it has more than 1000 blanks on end");
  const ms = Math.ceil(TEMPLATE_MS + LETTER_MS * JSON.stringify(variables).length);
  try {
    return withinTime(
      ms,
      () => render(source, variables),
      () => new Error(`it takes more than ${ms} ms`),
    );
  } catch (error) {
    // Of the library's own, which say nothing about the template.
    if (error instanceof RangeError) throw new Error("it is nested too deep", { cause: error });
    if (error instanceof TypeError) throw new Error("it is broken", { cause: error });
    throw error;
  }
}

function render(source: string, variables: Readonly<Record<string, unknown>>): string {
  const { parsed } = new Template(source);
  const environment = new Environment();
  const known = {
    true: true,
    True: true,
    false: false,
    False: false,
    none: null,
    None: null,
    raise_exception: (message: unknown) => {
      throw new Error(String(message));
    },
    range,
    strftime_now: (format: string) => new Template("{{ strftime_now(format) }}").render({ format }),
    ...variables,
  };
  for (const [name, value] of Object.entries(known)) environment.set(name, value);
  return String(new BoundedInterpreter(environment).run(parsed).value);
}

interface Evaluated {
  readonly value?: unknown;
}

/** The library's declarations do not resolve under Node's rules; this much of them is used. */
const Plain = Interpreter as new (
  environment: unknown,
) => {
  run(program: unknown): Evaluated;
  evaluate(statement: unknown, environment: unknown): Evaluated;
};

class BoundedInterpreter extends Plain {
  #steps = 0;
  /** Of the loops so far: a round of an empty body is no step by itself. */
  readonly #iterated = new WeakSet<object>();

  override evaluate(statement: unknown, environment: unknown): Evaluated {
    this.#count(1);
    this.#noteLoop(statement);
    this.#checkFilter(statement, environment);
    const value = super.evaluate(statement, environment);
    const made = value?.value;
    if (typeof made === "string" && made.length > MOST_LETTERS)
      throw new Error(`it makes a text of more than ${MOST_LETTERS} letters`);
    if (Array.isArray(made) && made.length > MOST_ELEMENTS)
      throw new Error(`it makes a list of more than ${MOST_ELEMENTS} elements`);
    if (isObject(statement) && this.#iterated.has(statement)) this.#count(STEPS_OF_A_ROUND * sizeOf(made));
    return value;
  }

  #count(steps: number): void {
    this.#steps += steps;
    if (this.#steps > MOST_STEPS) throw new Error(`it takes more than ${MOST_STEPS} steps`);
  }

  #noteLoop(statement: unknown): void {
    if (!isObject(statement) || !("iterable" in statement) || !isObject(statement.iterable)) return;
    const { iterable } = statement;
    this.#iterated.add("lhs" in iterable && isObject(iterable.lhs) ? iterable.lhs : iterable);
  }

  /** A filter works at once, as far as its numbers say. */
  #checkFilter(statement: unknown, environment: unknown): void {
    const filter = isObject(statement) && "filter" in statement ? statement.filter : undefined;
    if (!isObject(filter) || !("args" in filter) || !Array.isArray(filter.args)) return;
    for (const arg of filter.args) {
      const { value } = this.evaluate(isKeyword(arg) ? arg.value : arg, environment);
      if (typeof value === "number" && Math.abs(value) > LARGEST_OPTION)
        throw new Error(`it gives a filter the number ${value}; at most ${LARGEST_OPTION} are supported`);
    }
  }
}

const isObject = (value: unknown): value is object => typeof value === "object" && value !== null;
const isKeyword = (arg: unknown): arg is { value: unknown } =>
  isObject(arg) && "type" in arg && arg.type === "KeywordArgumentExpression";
const sizeOf = (value: unknown): number =>
  typeof value === "string" || Array.isArray(value) ? value.length : value instanceof Map ? value.size : 0;

/** Python's. */
function range(first: number, second?: number, step = 1): number[] {
  const [start, stop] = second === undefined ? [0, first] : [first, second];
  if (step === 0) throw new Error("range() step must not be zero");
  const count = Math.max(0, Math.ceil((stop - start) / step));
  if (!(count <= MOST_ELEMENTS))
    throw new Error(`range() would have ${count} elements; at most ${MOST_ELEMENTS} are supported`);
  return Array.from({ length: count }, (_, i) => start + i * step);
}
