import { trimEndOf } from '../../request/lists.ts';
import { type PathPattern, patternShape } from '../pattern.ts';
import { type ApiAccess, stricter } from './access.ts';

export interface ApiRoute {
  readonly id: string;
  readonly path: string;
  readonly methods: readonly string[];
  readonly access: ApiAccess;
  /** What a reader should know: the document's summary, and where it said more than a route can. */
  readonly notes: readonly string[];
}

/** One operation of a document. */
export interface Operation {
  readonly path: PathPattern;
  readonly method: string;
  readonly access: ApiAccess;
  readonly name: string;
  readonly notes: readonly string[];
}

/** Operations of one path and one kind of access are one route. */
export class Routes {
  readonly #operations = new Map<string, Operation>();

  add(operation: Operation): void {
    const key = `${operation.method} ${patternShape(operation.path)}`;
    const known = this.#operations.get(key);
    if (!known) this.#operations.set(key, operation);
    else {
      const note = `stands for ${known.path.source} and another path of the document, with what both ask for`;
      this.#operations.set(key, {
        ...known,
        access: stricter(known.access, operation.access),
        notes: [...known.notes, note],
      });
    }
  }

  all(): ApiRoute[] {
    const groups = new Map<string, Operation[]>();
    for (const operation of this.#operations.values()) {
      const key = `${patternShape(operation.path)} ${JSON.stringify(operation.access)}`;
      groups.set(key, [...(groups.get(key) ?? []), operation]);
    }
    const taken = new Set<string>(['none']);
    return [...groups.values()].map((operations) => {
      const [first] = operations as [Operation];
      const name =
        operations.length === 1 && first.name !== ''
          ? first.name
          : `${first.path.source}-${operations.map(({ method }) => method.toLowerCase()).join('-')}`;
      return {
        id: uniqueId(name, taken),
        path: first.path.source,
        methods: operations.map(({ method }) => method),
        access: first.access,
        notes: [...new Set(operations.flatMap(({ notes }) => notes))].filter((note) => note !== ''),
      };
    });
  }
}

/** A name as routes may have it, and no other route has. */
function uniqueId(name: string, taken: Set<string>): string {
  const words = name
    .replace(/[^A-Za-z0-9._-]+/g, '-')
    .replace(/-{2,}/g, '-')
    .replace(/^[^A-Za-z0-9]+/, '');
  const plain = trimEndOf(words, '._-').slice(0, 58) || 'route';
  let id = plain;
  for (let number = 2; taken.has(id); number += 1) id = `${plain}-${number}`;
  taken.add(id);
  return id;
}
