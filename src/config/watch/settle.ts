/** What a look at some files saw: for each path a digest of what is there, or why there is nothing. */
export type Sight = ReadonlyMap<string, string>;

/** What two looks, one after the other, say of the files. */
export interface Judgement {
  /** Files that hold something else than what is known of them, and have held still since the look before. */
  readonly changed: readonly string[];
  /** Whether one is being written: it differs from what is known and from the look before. */
  readonly moving: boolean;
}

/**
 * Decides whether files have changed. One that is written in pieces looks changed half-way, and half a configuration can
 * be a valid one that lets in more than the whole: what counts has to be seen twice.
 */
export function judge(known: Sight, before: Sight, now: Sight): Judgement {
  const differing = [...now].filter(([path, seen]) => known.get(path) !== seen);
  const moving = differing.filter(([path, seen]) => before.get(path) !== seen);
  const changed = differing.filter(([path, seen]) => before.get(path) === seen).map(([path]) => path);
  return { changed, moving: moving.length > 0 };
}
