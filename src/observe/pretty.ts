import type { LineKind } from './output.ts';

/** One log line as pino writes it, read back. */
type Line = Readonly<Record<string, unknown>>;

/** Where lines go. */
interface LineOutput {
  write(line: string, kind?: LineKind): void;
}

/** What ECMA-48 calls Select Graphic Rendition. */
const STYLES = { bold: '1', gray: '90', red: '31', green: '32', yellow: '33', cyan: '36' };
type Style = keyof typeof STYLES;

const LEVEL_STYLES: Readonly<Record<string, Style>> = { info: 'green', warn: 'yellow', error: 'red', fatal: 'red' };
/** By the first digit of a status. */
const STATUS_STYLES: Readonly<Record<string, Style>> = { 1: 'cyan', 2: 'green', 3: 'cyan', 4: 'yellow', 5: 'red' };

/** Columns of the line of a request: what is shorter is filled up, what is longer pushes the rest. */
const WIDTH = { level: 5, message: 8, status: 3, method: 6, path: 28, duration: 9 };
/** Beneath the message, behind the time and the level. */
const INDENT = ' '.repeat(21);
/** What is longer stands on a line of its own. */
const LONG = 60;
/** More of one value nobody reads on a terminal. */
const LONGEST = 1000;

const words = (text: string): ReadonlySet<string> => new Set(text.split(' '));
/** Stands at the beginning of every line. */
const IN_HEAD = words('level time msg');
/** Of a request: told in columns of their own, or of use to machines alone. */
const OF_REQUEST = words(
  'id trace span client host method path status durationMs route upstream target upstreamMs issuer sub code aborted ended',
);

/**
 * Takes JSON log lines, as JSON.stringify and pino write them, and writes them on as text for a person at a terminal. What
 * is in a value never reaches the terminal as a command: paths, claims and messages of upstreams come from anybody.
 */
export class PrettyLines {
  readonly #output: LineOutput;
  readonly #color: boolean;

  constructor(output: LineOutput, { color }: { readonly color: boolean }) {
    this.#output = output;
    this.#color = color;
  }

  write(json: string, kind?: LineKind): void {
    this.#output.write(`${this.#linesOf(JSON.parse(json)).join('\n')}\n`, kind);
  }

  #linesOf(line: Line): string[] {
    const level = harmless(line.level);
    const isRequest = line.durationMs !== undefined;
    const head = [
      this.#paint('gray', timeOfDay(line.time)),
      this.#paint(LEVEL_STYLES[level] ?? 'gray', level.padEnd(WIDTH.level)),
      isRequest ? this.#request(line) : this.#paint('bold', harmless(line.msg)),
    ];
    const beneath: string[] = [];
    for (const [key, value] of Object.entries(line)) {
      if (IN_HEAD.has(key) || (isRequest && OF_REQUEST.has(key))) continue;
      if (Array.isArray(value) && value.length === 0) continue;
      const [first = '', ...rest] = Array.isArray(value) ? value.map(harmless) : harmlessLines(value);
      const label = this.#paint('gray', `${harmless(key)}:`);
      if (!Array.isArray(value) && rest.length === 0 && first.length <= LONG) head.push(`${label} ${first}`);
      else beneath.push(`${INDENT}${label} ${first}`, ...rest.map((text) => `${INDENT}  ${text}`));
    }
    return [head.join('  ').trimEnd(), ...beneath];
  }

  /** What was asked, what was answered, how long it took, and by whom. */
  #request(line: Line): string {
    const status = line.status === undefined ? '' : harmless(line.status);
    const path = line.path === undefined ? '' : harmless(line.path);
    const { durationMs } = line;
    const duration = typeof durationMs === 'number' ? `${durationMs.toFixed(1)} ms` : '';
    const way = [line.route, line.upstream, line.target].filter((step) => step !== undefined).map(harmless);
    return [
      harmless(line.msg).padEnd(WIDTH.message),
      this.#paint(STATUS_STYLES[status[0] ?? ''] ?? 'gray', status.padEnd(WIDTH.status)),
      this.#paint('bold', (line.method === undefined ? '' : harmless(line.method)).padEnd(WIDTH.method)),
      path.padEnd(WIDTH.path),
      this.#paint('gray', duration.padStart(WIDTH.duration)),
      ...(line.code === undefined ? [] : [this.#paint('yellow', harmless(line.code))]),
      ...(way.length > 0 ? [this.#paint('cyan', way.join(' → '))] : []),
      ...(line.sub === undefined ? [] : [harmless(line.sub)]),
      ...(line.ended === undefined ? [] : [this.#paint('gray', harmless(line.ended))]),
    ].join('  ');
  }

  #paint(style: Style, text: string): string {
    return this.#color ? `\x1b[${STYLES[style]}m${text}\x1b[0m` : text;
  }
}

/** As the clock of this machine shows it. */
function timeOfDay(time: unknown): string {
  const at = new Date(String(time));
  if (Number.isNaN(at.getTime())) return harmless(time);
  const milliseconds = String(at.getMilliseconds()).padStart(3, '0');
  return `${at.toTimeString().slice(0, 8)}.${milliseconds}`;
}

/**
 * A value as text that a terminal shows and does not obey: control characters, escape sequences and what turns the direction
 * of writing are shown by their number.
 */
function harmless(value: unknown): string {
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? '');
  const cut = text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text;
  return cut.replace(UNSAFE, (character) => `\\u{${(character.codePointAt(0) as number).toString(16)}}`);
}

/** The same for a text that may have lines, such as a stack. */
function harmlessLines(value: unknown): string[] {
  return typeof value === 'string' ? value.split('\n').map(harmless) : [harmless(value)];
}

/** Controls (C0, DEL, C1), line separators, what has no shape, halves of a pair. */
const UNSAFE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu;
