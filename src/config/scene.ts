import type { Draft } from './draft.ts';
import type { Finding, Path } from './problem.ts';

/** What rules know. */
export interface Scene {
  readonly draft: Draft;
  /** The 1-based line of a value. */
  lineOf(path: Path): number;
  /** A text of the configuration as it may be shown: what stands in the file, not what `${…}` stands for. */
  shown(path: Path, text: string): string;
  /** Whether a value came from elsewhere. */
  isSecret(path: Path): boolean;
  /** The text of a file that the configuration names, relative to it. Throws as node:fs does. */
  readFile(name: string): string;
}

/** A finding, with the places it draws its conclusion from. */
export interface Judgement extends Finding {
  readonly from: readonly Path[];
}

/** A judgement that rests on its own place, or on the places given: what is absent is reported at the map around it. */
export function judge(finding: Finding, ...from: Path[]): Judgement {
  return { ...finding, from: from.length > 0 ? from : [finding.path] };
}
