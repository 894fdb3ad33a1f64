import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Clock } from '../../src/clock.ts';
import { ASYMMETRIC_ALGORITHMS } from '../../src/verify/algorithms.ts';
import type { Ask } from '../../src/verify/ask.ts';
import { type KeyObserver, KeySet } from '../../src/verify/keys.ts';
import { JwtVerifier } from '../../src/verify/kinds/jwt.ts';
import type { IssuerSettings, KeySettings } from '../../src/verify/settings.ts';

/** An issuer as the config gives it, with the defaults of the documentation except that no claim is required. */
export function issuerSettings(
  over: Partial<Omit<IssuerSettings, 'keys'>> = {},
  keys: Partial<KeySettings> = {},
): IssuerSettings {
  return {
    name: 'main',
    issuer: 'https://login.example.com',
    audience: ['orders-api'],
    algorithms: ASYMMETRIC_ALGORITHMS,
    tokenType: 'access',
    clockTolerance: 30_000,
    maxTokenAge: undefined,
    requiredClaims: [],
    ...over,
    keys: {
      source: { kind: 'discovery' },
      allowHttp: false,
      refresh: 600_000,
      cooldown: 30_000,
      maxStale: 86_400_000,
      timeout: 5_000,
      snapshot: undefined,
      ...keys,
    },
  };
}

/** Writes down what happens to a key set, and lets a test wait for it. */
export class KeyLog implements KeyObserver {
  readonly lines: string[] = [];
  readonly leftOut: string[] = [];
  readonly snapshots: { issuer: string; path: string; error: string | undefined }[] = [];
  #waiting: (() => void)[] = [];

  keysFetched(issuer: string, keys: number, leftOut: readonly string[]): void {
    this.leftOut.push(...leftOut);
    this.#add(`${issuer}: ${keys} keys`);
  }

  keysFailed(issuer: string, error: Error, usable: boolean): void {
    this.#add(`${issuer}: ${error.message}${usable ? ' (keys still usable)' : ''}`);
  }

  snapshotUsed(issuer: string, path: string, error: string | undefined): void {
    this.snapshots.push({ issuer, path, error });
  }

  /** The next line, once the key set has done all that belongs to it. */
  async next(): Promise<string> {
    await new Promise<void>((resolve) => this.#waiting.push(resolve));
    await nextTurn();
    return this.lines.at(-1) ?? '';
  }

  #add(line: string): void {
    this.lines.push(line);
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }
}

const NOBODY_ASKS: Ask = () => Promise.reject(new Error('nothing is fetched in this test'));

/** A verifier that counts how often it had to check a signature. */
export class CountingVerifier extends JwtVerifier {
  proofs = 0;

  override prove(...args: Parameters<JwtVerifier['prove']>): ReturnType<JwtVerifier['prove']> {
    this.proofs += 1;
    return super.prove(...args);
  }
}

/** A verifier whose keys are written into its settings, started and ready. */
export async function inlineVerifier(
  keys: readonly { readonly jwk: Record<string, unknown> }[],
  clock: Clock,
  over: Partial<Omit<IssuerSettings, 'keys'>> = {},
): Promise<CountingVerifier> {
  const settings = issuerSettings(over, { source: { kind: 'inline', keys: keys.map(({ jwk }) => jwk) } });
  const set = new KeySet(settings, clock, NOBODY_ASKS, new KeyLog());
  await set.start();
  return new CountingVerifier(settings, set);
}
