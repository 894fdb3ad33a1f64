import { basename } from 'node:path';
import { keysAt } from './json-schema.ts';
import { kindOf } from './phrase.ts';
import { lineInWords, locate, problemAt, type Spot } from './positions.ts';
import { errorAt, type Finding, type Path, type Problem, pathKey } from './problem.ts';
import { didYouMean } from './suggest.ts';
import type { Tree } from './tree.ts';

/** What a file and those that it includes say together, each value with its own position. */
export interface Whole extends Tree {
  readonly warnings: readonly Problem[];
  /** Some file or section could not be read: no rule draws a conclusion from a name that is absent. */
  readonly incomplete: boolean;
}

/** The sections that an included file may have. The rest says how this gateway runs, and is said in one place. */
const SECTIONS = { routes: 'route', upstreams: 'upstream', issuers: 'issuer' } as const;
type Section = keyof typeof SECTIONS;

/** Where a value of an included file stands in the whole; undefined for one that is not taken over. */
type Move = (path: Path) => Path | undefined;

/** A whole that is being put together. */
export class Joining implements Whole {
  readonly source: Tree['source'];
  value: unknown;
  readonly spots: Map<string, Spot>;
  readonly secrets: Map<string, { readonly path: Path; readonly text: string }>;
  readonly broken: Path[];
  readonly problems: Problem[];
  readonly warnings: Problem[] = [];
  incomplete = false;

  constructor(main: Tree) {
    this.source = main.source;
    this.value = main.value;
    this.spots = new Map(main.spots);
    this.secrets = new Map(main.secrets);
    this.broken = [...main.broken];
    this.problems = [...main.problems];
  }

  /** What stands in the file, not what `${…}` stands for. */
  shown(place: Path, text: string): string {
    return this.secrets.get(pathKey(place))?.text ?? text;
  }

  /** Tells why something is left out. */
  complain(...complaints: readonly (Problem | Finding)[]): void {
    this.incomplete = true;
    this.problems.push(...complaints.map((one) => ('path' in one ? locate(this, one) : one)));
  }

  /** Takes over what an included file says: routes behind the others, upstreams and issuers by names of their own. */
  add(part: Tree): void {
    this.problems.push(...part.problems);
    // Of what is damaged as a whole nothing is known, not even what names it has.
    if (part.broken.some(({ length }) => length < 2)) this.incomplete = true;
    if (part.value === null) {
      const statement = {
        severity: 'warning',
        name: 'empty',
        message: 'this file is included, and says nothing',
      } as const;
      this.warnings.push(problemAt(part.source, 0, statement));
      return;
    }
    if (!isMap(part.value)) {
      if (part.value !== undefined)
        this.complain(wrongType(part, [], part.value, 'a map with routes, upstreams or issuers'));
      return;
    }
    const moves = new Map<string, Move>();
    for (const [key, value] of Object.entries(part.value)) {
      if (!isSection(key)) this.#refuseKey(key, part);
      else if (value !== undefined) moves.set(key, this.#addSection(key, value, part));
    }
    this.#takeOver(part, (path) => moves.get(String(path[0]))?.(path));
  }

  #refuseKey(key: string, part: Tree): void {
    const known = keysAt([]).includes(key);
    const message = known ? `\`${key}\` cannot stand in an included file` : `unknown key \`${key}\``;
    const hint = known
      ? `it belongs into ${basename(this.source.file)}; an included file has routes, upstreams and issuers`
      : didYouMean(key, Object.keys(SECTIONS));
    this.problems.push(locate(part, errorAt([key], known ? 'not-in-include' : 'unknown-key', message, hint, 'key')));
  }

  #addSection(key: Section, value: unknown, part: Tree): Move {
    const own = isMap(this.value) ? this.value[key] : undefined;
    if (key === 'routes') {
      if (!Array.isArray(value)) this.complain(wrongType(part, [key], value, 'a list'));
      else if (own === undefined || Array.isArray(own)) return this.#addRoutes(own ?? [], value);
    } else if (!isMap(value)) this.complain(wrongType(part, [key], value, 'a map'));
    else if (own === undefined || isMap(own)) return this.#addEntries(key, own ?? {}, value, part);
    return () => undefined;
  }

  #addRoutes(own: readonly unknown[], more: readonly unknown[]): Move {
    this.#set('routes', [...own, ...more]);
    return ([section = '', index, ...rest]) =>
      index === undefined ? [section] : [section, Number(index) + own.length, ...rest];
  }

  #addEntries(key: Exclude<Section, 'routes'>, own: object, more: object, part: Tree): Move {
    const taken = Object.keys(more).filter((name) => Object.hasOwn(own, name));
    for (const name of taken) {
      const message = `the ${SECTIONS[key]} \`${name}\` is described already, in ${lineInWords(this, [key, name], part.source)}`;
      this.problems.push(locate(part, errorAt([key, name], 'duplicate-name', message, undefined, 'key')));
    }
    this.#set(key, { ...own, ...Object.fromEntries(Object.entries(more).filter(([name]) => !taken.includes(name))) });
    return (path) => (taken.includes(String(path[1])) ? undefined : path);
  }

  #set(key: Section, value: unknown): void {
    this.value = { ...(this.value as object), [key]: value };
  }

  #takeOver(part: Tree, move: Move): void {
    for (const [key, spot] of part.spots) {
      const path = move(key.split('\0'));
      if (path && !this.spots.has(pathKey(path))) this.spots.set(pathKey(path), spot);
    }
    for (const { path, text } of part.secrets.values()) {
      const moved = move(path);
      if (moved) this.secrets.set(pathKey(moved), { path: moved, text });
    }
    for (const path of part.broken) {
      const moved = path.length < 2 ? undefined : move(path);
      if (moved) this.broken.push(moved);
    }
  }
}

function wrongType(part: Tree, path: Path, value: unknown, expected: string): Problem {
  return locate(part, errorAt(path, 'wrong-type', `expected ${expected}, got ${kindOf(value)}`));
}

function isSection(key: string): key is Section {
  return Object.hasOwn(SECTIONS, key);
}

function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
