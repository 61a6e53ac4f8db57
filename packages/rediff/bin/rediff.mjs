#!/usr/bin/env node
// @ts-check
/** Starts the command line, where Node is new enough to read it. */
import { nodeProblem } from "./node-version.mjs";

const problem = nodeProblem();
if (problem === undefined) import("./launch.mjs");
else {
  process.stderr.write(`rediff: ${problem}\n`);
  process.exitCode = 1;
}
