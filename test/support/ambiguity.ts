import { type AST, RegExpParser } from '@eslint-community/regexpp';

/** How the time that a pattern can take grows with the length of a text that it does not match. */
export type Growth = 'linear' | 'polynomial' | 'exponential';

/**
 * Finds repetitions of a pattern that can share one text between them in several ways, all of which a backtracking engine
 * tries once the rest does not match. The pattern becomes an automaton whose states are the characters that it consumes. Two
 * ways round one loop over the same text make the time exponential; a text that both of two loops, one behind the other,
 * take makes it polynomial (Weber and Seidl, "On the degree of ambiguity of finite automata", IDA and EDA). A pattern
 * without `^` has one more loop in front: the start that the engine moves on. Assertions are taken for met, bounded
 * repetitions for two, so that what is said to be linear is; a loop behind which everything matches is no danger.
 */
export function growthOf(source: string, flags: string): Growth {
  return new Automaton(source, flags).growth();
}

/** One of these for each character that tells classes apart; beyond Latin-1 a few that flags and classes treat in ways of their own. */
const ALPHABET = [
  ...Array.from({ length: 0x180 }, (_, code) => String.fromCodePoint(code)),
  ...['\u2028', '\u2029', '\u200b', '\ufeff', '\u212a', '\u4e00', '\ud800', '\u{1f600}', '\ue000', '\ufffd'],
];

/** A piece of the automaton while it is built: from one node to another. */
interface Fragment {
  readonly from: number;
  readonly to: number;
}

interface Consumer {
  readonly characters: bigint;
  readonly from: number;
  readonly to: number;
}

class Automaton {
  readonly #flags: string;
  /** Without `u` a character beyond the Basic Multilingual Plane is two. */
  readonly #everything: bigint;
  /** Ways from node to node that consume nothing; `conditional` where an assertion has to hold. */
  readonly #steps: { readonly to: number; readonly conditional: boolean }[][] = [];
  readonly #consumers: Consumer[] = [];
  readonly #accept: number;
  /** The consumers that may come after each, with the number of ways there. */
  readonly #next: ReadonlyMap<number, number>[];
  readonly #component: readonly number[];

  constructor(source: string, flags: string) {
    this.#flags = flags;
    this.#everything = charactersOf('[^]', flags);
    const modes = { unicode: flags.includes('u'), unicodeSets: flags.includes('v') };
    const pattern = new RegExpParser().parsePattern(source, 0, source.length, modes);
    this.#accept = this.#node();
    const start = this.#node();
    // The start that moves on, for the alternatives that are not held to one.
    const moving = this.#consume(this.#everything);
    this.#step(moving.to, moving.from);
    this.#step(start, moving.from);
    for (const alternative of pattern.alternatives) {
      const { from, to } = this.#sequence(alternative.elements);
      this.#step(start, from);
      if (!flags.includes('y') && !isAnchored(alternative, flags)) this.#step(moving.to, from);
      this.#step(to, this.#accept);
    }
    this.#next = this.#consumers.map(({ to }) => this.#following(to));
    this.#component = components(this.#next);
  }

  growth(): Growth {
    const loops = [...this.#consumers.keys()].filter((at) => this.#isInLoop(at) && this.#canFail(at));
    if (loops.some((at) => this.#hasTwoWaysRound(at))) return 'exponential';
    const every = [...this.#consumers.keys()].filter((at) => this.#isInLoop(at));
    const shares = every.some((first) => loops.some((second) => first !== second && this.#share(first, second)));
    return shares ? 'polynomial' : 'linear';
  }

  #node(): number {
    return this.#steps.push([]) - 1;
  }

  #step(from: number, to: number, conditional = false): void {
    this.#steps[from]?.push({ to, conditional });
  }

  #consume(characters: bigint): Fragment {
    const fragment = { from: this.#node(), to: this.#node() };
    this.#consumers.push({ characters, ...fragment });
    return fragment;
  }

  #empty(conditional = false): Fragment {
    const fragment = { from: this.#node(), to: this.#node() };
    this.#step(fragment.from, fragment.to, conditional);
    return fragment;
  }

  #sequence(elements: readonly AST.Element[]): Fragment {
    const { from, to } = this.#empty();
    let end = to;
    for (const element of elements) {
      const fragment = this.#element(element);
      this.#step(end, fragment.from);
      end = fragment.to;
    }
    return { from, to: end };
  }

  #choice(alternatives: readonly AST.Alternative[]): Fragment {
    const from = this.#node();
    const to = this.#node();
    for (const { elements } of alternatives) {
      const fragment = this.#sequence(elements);
      this.#step(from, fragment.from);
      this.#step(fragment.to, to);
    }
    return { from, to };
  }

  #element(element: AST.Element): Fragment {
    switch (element.type) {
      case 'Group':
      case 'CapturingGroup':
        return this.#choice(element.alternatives);
      case 'Quantifier':
        return this.#repetition(element);
      case 'Assertion':
        return this.#assertion(element);
      case 'Backreference':
        return this.#choice([element.resolved].flat()[0]?.alternatives ?? []);
      default:
        return this.#consume(charactersOf(element.raw, this.#flags));
    }
  }

  #repetition({ element, min, max }: AST.Quantifier): Fragment {
    const from = this.#node();
    const to = this.#node();
    const one = this.#element(element as AST.Element);
    this.#step(from, one.from);
    if (min === 0) this.#step(from, to);
    if (max === Number.POSITIVE_INFINITY) {
      this.#step(one.to, one.from);
    } else if (max > 1) {
      const other = this.#element(element as AST.Element);
      this.#step(one.to, other.from);
      this.#step(other.to, to);
      if (min === max) return { from, to };
    }
    this.#step(one.to, to);
    return { from, to };
  }

  /** What stands in an assertion is tried beside the rest, and matches nothing by itself. */
  #assertion(assertion: AST.Assertion): Fragment {
    const fragment = this.#empty(true);
    if (assertion.kind === 'lookahead' || assertion.kind === 'lookbehind')
      this.#step(fragment.from, this.#choice(assertion.alternatives).from);
    return fragment;
  }

  /** The consumers that can come next from a node, each with the number of ways to it. No way leads through a node twice. */
  #following(node: number): Map<number, number> {
    const found = new Map<number, number>();
    const visit = (at: number, passed: ReadonlySet<number>): void => {
      if (passed.has(at)) return;
      for (const [index, { from }] of this.#consumers.entries())
        if (from === at) found.set(index, (found.get(index) ?? 0) + 1);
      for (const { to } of this.#steps[at] ?? []) visit(to, new Set([...passed, at]));
    };
    visit(node, new Set());
    return found;
  }

  #isInLoop(at: number): boolean {
    return [...(this.#next[at] ?? new Map()).keys()].some((next) => this.#component[next] === this.#component[at]);
  }

  /** Whether there is a text behind this consumer that does not match. */
  #canFail(at: number): boolean {
    const { to, characters } = this.#consumers[at] as Consumer;
    if (this.#accepts(to, false)) return false;
    const takesEverything = characters === this.#everything && this.#next[at]?.has(at);
    return !(takesEverything && !this.#flags.includes('m') && this.#accepts(to, true));
  }

  #accepts(node: number, conditionally: boolean, passed: ReadonlySet<number> = new Set()): boolean {
    if (node === this.#accept) return true;
    if (passed.has(node)) return false;
    const further = new Set([...passed, node]);
    return (this.#steps[node] ?? []).some(
      ({ to, conditional }) => (conditionally || !conditional) && this.#accepts(to, conditionally, further),
    );
  }

  /** EDA: two different ways from a consumer back to itself over one text. */
  #hasTwoWaysRound(at: number): boolean {
    const within = (next: number) => this.#component[next] === this.#component[at];
    for (const [next, ways] of this.#next[at] ?? []) if (ways > 1 && within(next)) return true;
    return this.#reaches([at, at], (states) => states[0] === at && states[1] === at, [within, within], true);
  }

  /** IDA: one text that leads from the first to the first, from the first to the second, and from the second to the second. */
  #share(first: number, second: number): boolean {
    const inFirst = (next: number) => this.#component[next] === this.#component[first];
    const inSecond = (next: number) => this.#component[next] === this.#component[second];
    const isThere = ([a, b, c]: readonly number[]) => a === first && b === second && c === second;
    return this.#reaches([first, first, second], isThere, [inFirst, () => true, inSecond], false);
  }

  /** Whether several walks over one text that begin in `start` can end where `isEnd` says; `apart`: after they have parted. */
  #reaches(
    start: readonly number[],
    isEnd: (states: readonly number[]) => boolean,
    within: readonly ((next: number) => boolean)[],
    apart: boolean,
  ): boolean {
    const seen = new Set<string>();
    const queue: { readonly states: readonly number[]; readonly parted: boolean }[] = [
      { states: start, parted: !apart },
    ];
    for (let item = queue.pop(); item !== undefined; item = queue.pop()) {
      for (const states of this.#together(item.states, within)) {
        const parted = item.parted || states[0] !== states[1];
        if (parted && isEnd(states)) return true;
        const key = `${states.join()}${parted}`;
        if (seen.has(key)) continue;
        seen.add(key);
        queue.push({ states, parted });
      }
    }
    return false;
  }

  /** Where walks can be after one more character that all of them take. */
  #together(states: readonly number[], within: readonly ((next: number) => boolean)[]): number[][] {
    let partial: { readonly to: number[]; readonly shared: bigint }[] = [{ to: [], shared: this.#everything }];
    for (const [walk, state] of states.entries()) {
      const nexts = [...(this.#next[state] ?? new Map()).keys()].filter((next) => within[walk]?.(next));
      partial = partial.flatMap(({ to, shared }) =>
        nexts.flatMap((next) => {
          const left = shared & (this.#consumers[next] as Consumer).characters;
          return left === 0n ? [] : [{ to: [...to, next], shared: left }];
        }),
      );
    }
    return partial.map(({ to }) => to);
  }
}

function isAnchored({ elements }: AST.Alternative, flags: string): boolean {
  const [first] = elements;
  if (flags.includes('m') || first === undefined) return false;
  if (first.type === 'Assertion') return first.kind === 'start';
  return first.type === 'Group' && first.alternatives.every((alternative) => isAnchored(alternative, flags));
}

const known = new Map<string, bigint>();

/** The characters that one piece of a pattern takes, by asking the engine itself. */
function charactersOf(raw: string, flags: string): bigint {
  const modes = flags.replace(/[^isuv]/g, '');
  const key = `${modes}/${raw}`;
  const before = known.get(key);
  if (before !== undefined) return before;
  const one = new RegExp(`^(?:${raw})$`, modes);
  let characters = 0n;
  for (const [index, character] of ALPHABET.entries()) if (one.test(character)) characters |= 1n << BigInt(index);
  known.set(key, characters);
  return characters;
}

/** The strongly connected component of each state (Tarjan). */
function components(next: readonly ReadonlyMap<number, number>[]): number[] {
  const index: number[] = [];
  const low: number[] = [];
  const stack: number[] = [];
  const component: number[] = [];
  let count = 0;
  const visit = (at: number): void => {
    index[at] = low[at] = count;
    count += 1;
    stack.push(at);
    for (const to of next[at]?.keys() ?? []) {
      if (index[to] === undefined) {
        visit(to);
        low[at] = Math.min(low[at] as number, low[to] as number);
      } else if (component[to] === undefined) low[at] = Math.min(low[at] as number, index[to] as number);
    }
    if (low[at] !== index[at]) return;
    for (let member = stack.pop(); member !== undefined; member = stack.pop()) {
      component[member] = at;
      if (member === at) break;
    }
  };
  for (const at of next.keys()) if (index[at] === undefined) visit(at);
  return component;
}
