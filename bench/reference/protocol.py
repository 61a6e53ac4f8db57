"""JSON lines between the benchmark's driver and a Python process.

One request per line on stdin, one reply per line on stdout, `{"id", ...}` each. A failed request is answered with
`{"id", "error"}` and the process lives on. The original prints while it works, and so do its imports: stdout is handed
to stderr before anything else is imported, and replies go through a duplicate of the real one.
"""

import json
import os
import sys
import traceback


def claim_stdout():
    """Keeps the real stdout for replies and sends everything that prints to stderr."""
    channel = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    return channel


def serve(channel, hello, handlers):
    """Announces `hello`, then answers requests by `handlers[request["op"]](request)` until stdin ends."""
    channel.write(json.dumps({"ready": True, **hello}) + "\n")
    for line in sys.stdin:
        if not line.strip():
            continue
        request = json.loads(line)
        try:
            handler = handlers.get(request.get("op"))
            if handler is None:
                raise ValueError(f"unknown op {request.get('op')!r}, expected one of {sorted(handlers)}")
            reply = handler(request)
        except Exception as error:
            traceback.print_exc()
            reply = {"error": f"{type(error).__name__}: {error}"}
        channel.write(json.dumps({"id": request.get("id"), **reply}) + "\n")


class PeakMemory:
    """The highest resident set since `reset`, in bytes.

    Linux counts it per process and lets a process restart its own count; without that (other systems) the figure is
    the highest since the process began, and `since_reset` says so.
    """

    def reset(self):
        try:
            with open("/proc/self/clear_refs", "w") as handle:
                handle.write("5")
            self.since_reset = True
        except OSError:
            self.since_reset = False

    def bytes(self):
        try:
            with open("/proc/self/status") as handle:
                for line in handle:
                    if line.startswith("VmHWM:"):
                        return int(line.split()[1]) * 1024
        except OSError:
            pass
        import resource

        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak if sys.platform == "darwin" else peak * 1024
