import { native } from "./native.js";

/** The version of the libtorch that runs, for example "2.15.0". */
export const torchVersion: string = native.version;
