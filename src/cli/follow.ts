import { type Clock, systemClock } from '../clock.ts';
import type { Config } from '../config/config.ts';
import { type Loaded, loadConfig } from '../config/load.ts';
import { problemOfFile } from '../config/positions.ts';
import { WatchedFiles } from '../config/watch.ts';
import type { CommandIo } from './io.ts';

/** Somebody asked, who may have done so in the middle of writing: what is read has to hold still for this long, in ms. */
const STILL = 100;

/** What takes a configuration that has changed. */
export interface Reloadable {
  reload(loaded: Loaded): Promise<unknown>;
  /** Gets what goes wrong in following: the gateway goes on with what it has. */
  defect?(error: unknown, where: string): void;
}

/** A configuration and all the files that it is made of, read again whenever one of them changes or SIGHUP asks for it. */
export class FollowedConfig {
  readonly #file: string;
  readonly #variables: CommandIo['variables'];
  readonly #clock: Clock;
  readonly #files: WatchedFiles;
  /** What it was made of when it could last be read. */
  #made: Pick<Loaded, 'files' | 'folders'>;
  #gateway: Reloadable | undefined;
  /** A file has been seen to change since the last reading. */
  #changed = false;
  /** Somebody wants it to be read, whether it has changed or not. */
  #asked = false;
  #running = false;
  #closed = false;

  constructor(
    file: string,
    { variables, onReloadSignal }: Pick<CommandIo, 'variables' | 'onReloadSignal'>,
    clock: Clock = systemClock,
  ) {
    this.#file = file;
    this.#variables = variables;
    this.#made = { files: [file], folders: [] };
    this.#clock = clock;
    this.#files = new WatchedFiles(clock, () => {
      this.#changed = true;
      this.#run();
    });
    onReloadSignal(() => {
      this.#asked = true;
      this.#run();
    });
  }

  /** Reads it. No change from then on is missed. */
  read(): Loaded {
    const { read: readFile, readFolder } = this.#files;
    const loaded = loadConfig(this.#file, { variables: this.#variables, readFile, readFolder });
    this.#made = { files: loaded.files, folders: loaded.folders };
    return loaded;
  }

  /** Has a gateway that was made from `loaded` take every change from then on. */
  follow(gateway: Reloadable, loaded: Loaded): void {
    this.#gateway = gateway;
    void this.#reported(() => this.#holdsStill(loaded)); // never rejects
    this.#run();
  }

  close(): void {
    this.#closed = true;
    this.#files.close();
  }

  /** One after the other: what changes while one is on its way is read when that is over. */
  #run(): void {
    const gateway = this.#gateway;
    if (this.#running || gateway === undefined) return;
    this.#running = true;
    const reloadAll = async () => {
      while ((this.#changed || this.#asked) && !this.#closed) await this.#reported(() => this.#reload(gateway));
      this.#running = false;
    };
    void reloadAll(); // never rejects
  }

  /** Never rejects. */
  async #reported(work: () => Promise<unknown>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.#gateway?.defect?.(error, 'follow');
    }
  }

  async #reload(gateway: Reloadable): Promise<void> {
    const asked = this.#asked;
    this.#asked = false;
    this.#changed = false;
    const loaded = this.#readAgain();
    if (asked) await this.#pause();
    const holdsStill = await this.#holdsStill(loaded);
    // One that was seen to change meanwhile is known by what it holds now, and not by what was read.
    if (this.#changed) return;
    if (holdsStill) {
      await gateway.reload(loaded);
    } else {
      await this.#pause();
      this.#asked = true;
    }
  }

  /** A defect in reading is no reason to end: the gateway goes on with what it has. */
  #readAgain(): Loaded {
    try {
      return this.read();
    } catch (error) {
      const problem = problemOfFile(this.#file, 'defect', `the configuration cannot be read: ${error}`);
      return { ok: false, problems: [problem], ...this.#made };
    }
  }

  /** Watches what it is made of by now, and answers whether that is still as it was read. */
  #holdsStill(loaded: Loaded): Promise<boolean> {
    const keyFiles = loaded.ok ? keyFilesOf(loaded.config) : [];
    return this.#files.follow([...loaded.files, ...loaded.folders, ...keyFiles]);
  }

  #pause(): Promise<void> {
    return new Promise((resolve) => this.#clock.after(STILL, resolve));
  }
}

/** Files with keys are not read with the configuration, and mean as much as what is. */
function keyFilesOf({ issuers }: Config): string[] {
  return issuers.flatMap((issuer) =>
    'keys' in issuer && issuer.keys.source.kind === 'file' ? [issuer.keys.source.path] : [],
  );
}
