/** The thread behind BodyReader. */
import { startInTurn } from "../../threads/start-in-turn.js";

await startInTurn(() => import("./body-jobs.js"));
