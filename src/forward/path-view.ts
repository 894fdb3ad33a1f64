/** The client's and the upstream's names for the same paths. */
export interface PathView {
  /** What the client says; empty, or fixed segments without a slash at the end. */
  readonly ours: string;
  /** What the upstream gets in its place, likewise. */
  readonly theirs: string;
}

/** Maps a path of the upstream's on whole segments; undefined for one that the client has no path for. */
export function pathBack(path: string, { ours, theirs }: PathView): string | undefined {
  if (path !== theirs && !path.startsWith(`${theirs}/`)) return undefined;
  return ours + path.slice(theirs.length) || '/';
}
