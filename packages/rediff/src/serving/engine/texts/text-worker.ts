/** The thread behind TextPool. */
import { startInTurn } from "../../../threads/start-in-turn.js";

await startInTurn(() => import("./text-reading.js"));
