/** A model as its users see it. */
export interface ServedModel {
  id: string;
  /** For people; default its id. */
  title?: string | undefined;
  /** Part of rediff itself. */
  embedded: boolean;
  /** Trained to refine (ReDiff). */
  revises: boolean;
  /** Tokens of an answer when a request does not say; default the model's own. */
  genLength: number | undefined;
  /** Tokens of the longest answer that a request may have; default what the model has room for. */
  maxAnswer?: number | undefined;
  /** Requests that say nothing of speed or caches are answered as if they asked for `fast`. */
  fast?: boolean | undefined;
}
