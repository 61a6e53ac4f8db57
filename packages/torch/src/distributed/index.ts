/** Several processes that work as one: c10d's TCP store, process groups and collectives. */
export { DistributedError, isTimeout } from "./distributed-error.js";
export { type GroupOptions, openGroup, ProcessGroup, type Reduction, type Traffic, type Work } from "./group.js";
export { connectStore, type StoreOptions, TcpStore } from "./store.js";
