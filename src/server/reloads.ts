import {
  type Assembly,
  assemble,
  destroyAll,
  type Observer,
  type Part,
  type Surroundings,
  startAll,
} from '../assembly.ts';
import { attainable, changesBetween, needingRestart } from '../config/changes.ts';
import type { Config } from '../config/config.ts';
import type { Loaded } from '../config/load.ts';
import type { Problem } from '../config/problem.ts';
import { problemLine } from '../config/render.ts';
import type { RefusedConfiguration } from '../observe/health.ts';
import type { Log } from '../observe/log.ts';
import type { Metrics } from '../observe/metrics.ts';
import { JwtVerifier } from '../verify/kinds/jwt.ts';
import { World } from './world.ts';
import type { Worlds } from './worlds.ts';

/** How long the keys of new issuers are waited for before a configuration is taken without them; milliseconds. */
const KEYS_WITHIN = 5_000;

/** What changing the configuration needs of its surroundings. */
export interface ReloadSurroundings {
  /** What the gateway was started with: sockets and the parser are bound to that. */
  readonly started: Config;
  readonly worlds: Worlds;
  readonly assembling: Surroundings;
  readonly observer: Observer;
  readonly log: Log;
  readonly metrics: Metrics;
  /** Called in the moment of the change, for what is not part of a world. Throws where it can't be had: nothing is changed then. */
  readonly apply: (config: Config) => void;
}

/** Takes new configurations while the gateway runs: each one whole, or not at all. */
export class Reloads {
  /** Why the last one was not taken; undefined when it was. */
  refused: RefusedConfiguration | undefined;
  readonly #surroundings: ReloadSurroundings;
  #turn: Promise<unknown> = Promise.resolve();
  #closed = false;
  #stopWaiting: () => void = () => {};

  constructor(surroundings: ReloadSurroundings) {
    this.#surroundings = surroundings;
  }

  /** Answers whether it was taken. One at a time, in the order in which they come; never rejects. */
  reload(loaded: Loaded): Promise<boolean> {
    const taken = this.#turn.then(() => this.#reload(loaded));
    this.#turn = taken;
    return taken;
  }

  /** Nothing is taken any more, not even what is on its way. */
  close(): void {
    this.#closed = true;
    this.#stopWaiting();
  }

  async #reload(loaded: Loaded): Promise<boolean> {
    if (this.#closed) return false;
    const { log, metrics } = this.#surroundings;
    if (!loaded.ok) {
      this.#refuse(loaded.problems);
      return false;
    }
    try {
      return await this.#take(loaded.config, loaded.warnings);
    } catch (error) {
      // A defect, or something in the files that no rule has thought of: the one before goes on all the same.
      metrics.reloaded('failure');
      this.#noteRefusal(errorText(error));
      log.defect(error, 'reload');
      return false;
    }
  }

  async #take(wanted: Config, warnings: readonly Problem[]): Promise<boolean> {
    const { started, worlds, assembling, observer, log, metrics, apply } = this.#surroundings;
    const before = worlds.current.assembly;
    const config = attainable(before.config, wanted);
    const changes = changesBetween(before.config, config);
    const waiting = needingRestart(started, wanted);
    const assembly = assemble(config, assembling, observer, before);
    const world = new World(assembly);
    const fresh = [...assembly.parts].filter((part) => !before.parts.has(part));
    await this.#begin(fresh);
    if (this.#closed) {
      await destroyAll(fresh);
      return false;
    }
    try {
      apply(config);
    } catch (error) {
      await destroyAll(fresh);
      throw error;
    }
    void startAll(keyFilesToRead(assembly, fresh), (error) => log.defect(error, 'keys')); // never rejects
    worlds.change(world);
    this.refused = undefined;
    metrics.reloaded('success');
    log.reloaded(changes, warnings.map(problemLine));
    if (waiting.length > 0) log.restartNeeded(waiting);
    this.#tellMissingKeys(assembly, fresh);
    return true;
  }

  /** Begins what is new, before any request needs it. An issuer that is down must not keep a change from being made. */
  async #begin(fresh: readonly Part[]): Promise<void> {
    const begun = startAll(fresh, (error) => this.#surroundings.log.defect(error, 'start'));
    await new Promise<void>((resolve) => {
      const callOff = this.#surroundings.assembling.clock.after(KEYS_WITHIN, resolve);
      this.#stopWaiting = () => {
        callOff();
        resolve();
      };
      void begun.then(this.#stopWaiting); // never rejects
    });
  }

  #tellMissingKeys({ keyRings }: Assembly, fresh: readonly Part[]): void {
    const now = this.#surroundings.assembling.clock.now();
    const missing = [...keyRings].filter(([, keys]) => fresh.includes(keys) && !keys.status(now).usable);
    if (missing.length > 0) this.#surroundings.log.reloadedWithoutKeys(missing.map(([name]) => name));
  }

  #refuse(problems: readonly Problem[]): void {
    const { log, metrics } = this.#surroundings;
    const errors = problems.filter(({ severity }) => severity === 'error').map(problemLine);
    metrics.reloaded('failure');
    this.#noteRefusal(errors[0] ?? '');
    log.reloadRefused(errors);
  }

  #noteRefusal(problem: string): void {
    this.refused = { at: new Date(this.#surroundings.assembling.clock.now()).toISOString(), problem };
  }
}

/** Keys from a file may be what has changed; they are at hand, and need no sparing as an issuer does. */
function keyFilesToRead({ issuers }: Assembly, fresh: readonly Part[]): Part[] {
  return [...issuers.values()].flatMap((issuer) =>
    issuer instanceof JwtVerifier && issuer.settings.keys.source.kind === 'file' && !fresh.includes(issuer.keys)
      ? [issuer.keys]
      : [],
  );
}

function errorText(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
