/** Which rows of a sequence a pass computes when keys and values of the others are kept: all of them, or the active block's
 *  with those that were written since they were computed. No tensors here. */
import type { Query } from "../decode-step.js";
import type { FastDllmOptions, RefreshOptions } from "./cache-options.js";

/** One pass over a sequence. */
export interface PassPlan {
  /** Rows that go through the network, in order; undefined is all. */
  rows: readonly number[] | undefined;
  /** Everything is computed anew. */
  isFull: boolean;
  /** Rows that are computed: of dLLM-Cache fewer than go through. */
  computed: number;
}

export interface PassPlanner {
  /** Of the next pass. Changes nothing: a pass that fails on another prompt is planned again. */
  plan(query: Query): PassPlan;
  /** These positions have other tokens than before. */
  wrote(positions: readonly number[]): void;
  /** The pass is over. */
  done(plan: PassPlan, query: Query): void;
}

interface Sequence {
  /** Positions in all. */
  length: number;
  /** Tokens of the answer. */
  genLength: number;
}

export function refreshing({ every, changed }: RefreshOptions, { length, genLength }: Sequence): PassPlanner {
  let passes = 0; // since all was computed, that pass included; 0 before the first one
  let changes = 0;
  const dirty = new Set<number>();
  return {
    plan({ positions, block, full }) {
      const isDue = changed < 1 && changes > 0 && changes >= changed * genLength;
      if (full || isDue || passes === 0 || passes >= every) return fullPass(length);
      return passOver([...positions, ...dirty, ...range(block.start, block.end)], length);
    },
    wrote(positions) {
      for (const position of positions) dirty.add(position);
      changes += positions.length;
    },
    done({ isFull }) {
      dirty.clear();
      passes = isFull ? 1 : passes + 1;
      if (isFull) changes = 0;
    },
  };
}

/** Rows from the block on; all in a block's first pass, and in every so many of it. */
export function fastDllm({ every }: FastDllmOptions, { length }: Sequence): PassPlanner {
  let block: number | undefined;
  let passes = 0; // of the block
  return {
    plan({ positions, block: { start }, full }) {
      if (full || start !== block || passes % every === 0) return fullPass(length);
      return passOver([...positions, ...range(start, length)], length);
    },
    wrote() {},
    done(_, { block: { start } }) {
      passes = start === block ? passes + 1 : 1;
      block = start;
    },
  };
}

const fullPass = (length: number): PassPlan => ({ rows: undefined, isFull: true, computed: length });

function passOver(positions: readonly number[], length: number): PassPlan {
  const rows = [...new Set(positions)].sort((a, b) => a - b);
  return rows.length === length ? fullPass(length) : { rows, isFull: false, computed: rows.length };
}

const range = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, i) => from + i);
