export interface LocatedTorch {
  /** The built addon. */
  addon: string;
  /** The folder with libtorch's shared libraries. */
  libDir: string;
  torchVersion: string;
  source: "LIBTORCH" | "python" | "wheel";
}

/** What the set-up left behind, or undefined when it has not run (or is out of date). Fast and synchronous. */
export function locateTorch(): LocatedTorch | undefined;

/** Finds or installs libtorch and builds the addon; does nothing when both are there. */
export function ensureTorch(options?: { quiet?: boolean; log?: (line: string) => void }): Promise<LocatedTorch>;
