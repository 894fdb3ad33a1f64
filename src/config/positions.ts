import { dirname, relative } from 'node:path';
import { LineCounter } from 'yaml';
import { type Finding, type Path, type Problem, pathKey, type Statement } from './problem.ts';

/** The text of a configuration file, able to say on which line an offset lies. */
export interface Source {
  readonly file: string;
  readonly text: string;
  readonly lines: LineCounter;
}

/** Where a value stands, and the key in front of it: offsets into the text. */
export interface Spot {
  readonly source: Source;
  readonly key?: number;
  readonly value: number;
}

export type Spots = ReadonlyMap<string, Spot>;

/** A configuration whose values have their places: in the file it begins with, or in one that it includes. */
interface Placed {
  readonly source: Source;
  readonly spots: Spots;
}

/** A source whose lines are counted. (The YAML parser would count as it goes, but not where it stops early.) */
export function createSource(file: string, text: string): Source {
  const lines = new LineCounter();
  for (let start = 0; start !== 0 || lines.lineStarts.length === 0; start = text.indexOf('\n', start) + 1) {
    lines.addNewLine(start);
  }
  return { file, text, lines };
}

/** A statement, placed at an offset of the source. */
export function problemAt(source: Source, offset: number, statement: Statement): Problem {
  const { line, col } = source.lines.linePos(Math.min(offset, source.text.length));
  const { severity, name, message, hint, masked } = statement;
  const text = lineOf(source, line);
  const excerpt = masked ? `${text.slice(0, col - 1)}…` : text;
  return { severity, name, file: source.file, line, column: col, message, ...(hint && { hint }), excerpt };
}

/** A statement about a file as a whole, of which no line can be shown. */
export function problemOfFile(file: string, name: string, message: string, hint?: string): Problem {
  return { severity: 'error', name, file, line: 1, column: 1, message, ...(hint && { hint }) };
}

/** A finding, placed by its path: a value that isn't there is reported at the nearest one around it. */
export function locate(placed: Placed, finding: Finding): Problem {
  const { source, offset } = placeOf(placed, finding.path, finding.at);
  return problemAt(source, offset, finding);
}

/** "line 12", or "line 12 of routes/orders.yaml" for a reader who is in another file. */
export function lineInWords(placed: Placed, path: Path, reader: Source = placed.source): string {
  const { source, offset } = placeOf(placed, path, 'value');
  const { line } = source.lines.linePos(offset);
  return source === reader ? `line ${line}` : `line ${line} of ${relative(dirname(reader.file), source.file)}`;
}

function placeOf({ source, spots }: Placed, path: Path, at: Finding['at']): { source: Source; offset: number } {
  const spot = spots.get(pathKey(path));
  if (spot) return { source: spot.source, offset: at === 'key' ? (spot.key ?? spot.value) : spot.value };
  return path.length === 0 ? { source, offset: 0 } : placeOf({ source, spots }, path.slice(0, -1), 'key');
}

function lineOf({ text, lines }: Source, line: number): string {
  const start = lines.lineStarts[line - 1] ?? text.length;
  const end = text.indexOf('\n', start);
  return text.slice(start, end === -1 ? undefined : end).replace(/\r$/, '');
}
