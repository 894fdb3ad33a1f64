import { readdirSync, watch } from 'node:fs';
import { resolve } from 'node:path';
import type { Clock } from '../clock.ts';
import { readTextFile } from './files.ts';
import { type Place, placesOf } from './watch/places.ts';
import { judge, type Sight } from './watch/settle.ts';
import { absence, digestOf, digestOfNames, Sights } from './watch/sight.ts';

/** How soon one looks after the system has told of a change, and again to see whether it holds still; milliseconds. */
const SOON = 50;
const STILL = 100;
/** Network and overlay file systems tell nothing: one looks anyway. */
const EVERY = 2_000;
/** Longer than this nobody waits for one file to hold still that always moves; the others count. */
const PATIENCE = 5_000;

/** What the system's own watching is used for: the folders of files, and no more. */
export type WatchFolder = (
  folder: string,
  options: { readonly persistent: false },
  listener: (event: string, name: string | null) => void,
) => FolderWatcher;

interface FolderWatcher {
  on(event: 'error', listener: () => void): unknown;
  close(): void;
}

/**
 * Sees files change, in whatever way: written in place, replaced by another, deleted and back, or reached by a symbolic
 * link that leads elsewhere. What counts is their content: a file that was merely touched has not changed.
 */
export class WatchedFiles {
  readonly #clock: Clock;
  readonly #changed: (paths: ReadonlySet<string>) => void;
  readonly #sights = new Sights();
  readonly #watchFolder: WatchFolder;
  readonly #watchers = new Map<string, FolderWatcher>();
  #paths: readonly string[] = [];
  /** What whoever asked has got of each file. */
  readonly #known = new Map<string, string>();
  #before: Sight = new Map();
  #movingSince: number | undefined;
  #next: { readonly due: number; readonly callOff: () => void } | undefined;
  #looking: Promise<boolean> | undefined;
  #toldOf = false;
  #following = false;
  #closed = false;

  /** `changed` gets the paths, as they were given, of files that hold something else than before. */
  constructor(clock: Clock, changed: (paths: ReadonlySet<string>) => void, watchFolder: WatchFolder = watch) {
    this.#clock = clock;
    this.#changed = changed;
    this.#watchFolder = watchFolder;
  }

  /**
   * Reads the text of a file, and takes what it read for what is known of it: no change between a reading and the next
   * look is missed. Once files are followed, no pipe is waited for: requests would wait too.
   */
  readonly read = (path: string): string => {
    try {
      const text = this.#following ? readTextFile(path, 0) : readTextFile(path);
      this.#known.set(path, digestOf(text));
      return text;
    } catch (error) {
      // A folder is no text to whoever reads, and something to see for whoever looks.
      if ((error as NodeJS.ErrnoException).code === 'EISDIR') this.#known.delete(path);
      else this.#known.set(path, absence(error));
      throw error;
    }
  };

  /** The same for the names in a folder. */
  readonly readFolder = (path: string): readonly string[] => {
    try {
      const names = readdirSync(path);
      this.#known.set(path, digestOfNames(names));
      return names;
    } catch (error) {
      this.#known.set(path, absence(error));
      throw error;
    }
  };

  /**
   * From now on watches these files and folders, and no others. Looks at each, and answers whether they hold what was read
   * of them: otherwise what was read may be half of something, or of two things. Of what never holds still it says yes in
   * the end.
   */
  async follow(paths: readonly string[]): Promise<boolean> {
    this.#following = true;
    this.#paths = [...new Set(paths)];
    await this.#looking;
    return this.#look(true);
  }

  close(): void {
    this.#closed = true;
    this.#next?.callOff();
    for (const watcher of this.#watchers.values()) watcher.close();
    this.#watchers.clear();
  }

  /** Looks at every file once, and answers whether nothing that counts is on the move; never rejects. */
  #look(thoroughly: boolean): Promise<boolean> {
    this.#looking ??= this.#lookNow(thoroughly).finally(() => {
      this.#looking = undefined;
    });
    return this.#looking;
  }

  async #lookNow(thoroughly: boolean): Promise<boolean> {
    this.#toldOf = false;
    const paths = this.#paths;
    // Watched before it is looked at: what changes in between is told.
    this.#watch(await placesOf(paths));
    const seen = await Promise.all(paths.map(async (path) => [path, await this.#sights.of(path, thoroughly)] as const));
    if (this.#closed) return false;
    const now = new Map(seen.flatMap(([path, sight]) => (sight === undefined ? [] : [[path, sight] as const])));
    for (const [path, sight] of now) if (!this.#known.has(path)) this.#known.set(path, sight);
    const { changed, moving } = judge(this.#known, this.#before, now);
    this.#before = now;
    this.#sights.keep(new Set(paths));
    this.#plan(moving);
    const still = !(moving && this.#isPatient());
    if (changed.length > 0 && still) this.#tell(changed, now);
    return still;
  }

  #tell(changed: readonly string[], now: Sight): void {
    for (const path of changed) this.#known.set(path, now.get(path) as string);
    this.#changed(new Set(changed));
  }

  #isPatient(): boolean {
    return this.#movingSince !== undefined && this.#clock.now() - this.#movingSince < PATIENCE;
  }

  #plan(moving: boolean): void {
    this.#movingSince = moving ? (this.#movingSince ?? this.#clock.now()) : undefined;
    this.#lookIn(moving ? STILL : this.#toldOf ? SOON : EVERY);
  }

  /** Looks at that time, unless one looks earlier anyway. */
  #lookIn(ms: number): void {
    if (this.#closed) return;
    const due = this.#clock.now() + ms;
    if (this.#next && this.#next.due <= due && this.#looking === undefined) return;
    this.#next?.callOff();
    const callOff = this.#clock.after(ms, () => {
      this.#next = undefined;
      void this.#look(ms !== EVERY); // never rejects
    });
    this.#next = { due, callOff };
  }

  /** Watches these places and no others. What cannot be watched is looked at every now and then. */
  #watch(places: readonly Place[]): void {
    if (this.#closed) return;
    const wanted = new Map(places.map((place) => [keyOf(place), place]));
    for (const [key, watcher] of this.#watchers) {
      if (wanted.has(key)) continue;
      watcher.close();
      this.#watchers.delete(key);
    }
    for (const [key, place] of wanted) if (!this.#watchers.has(key)) this.#watchPlace(key, place);
  }

  #watchPlace(key: string, { folder, names, listed }: Place): void {
    try {
      const watcher = this.#watchFolder(folder, { persistent: false }, (event, name) => {
        // What is written into other files of a folder is no business of whoever wants their names.
        if (name === null || names.has(name) || (listed && event === 'rename')) this.#told();
      });
      watcher.on('error', () => {
        watcher.close();
        this.#watchers.delete(key);
      });
      this.#watchers.set(key, watcher);
    } catch {
      // The system watches no more for us, or not there.
    }
  }

  #told(): void {
    this.#toldOf = true;
    // While something moves the next look stays where it is: what holds still has to do so for its time.
    if (this.#looking === undefined && this.#movingSince === undefined) this.#lookIn(SOON);
  }
}

function keyOf({ folder, identity, names, listed }: Place): string {
  return [resolve(folder), identity, listed, ...names].join('\0');
}
