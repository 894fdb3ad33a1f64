import type { Draft } from './draft.ts';
import type { Finding, Path } from './problem.ts';

/** What rules know. */
export interface Scene {
  readonly draft: Draft;
  /** The line of a value, in words for a reader who is at another: "line 12", "line 12 of routes/orders.yaml". */
  lineOf(path: Path, from: Path): string;
  /** A text of the configuration as it may be shown: what stands in the file, not what `${…}` stands for. */
  shown(path: Path, text: string): string;
  /** Whether a value came from elsewhere. */
  isSecret(path: Path): boolean;
  /** The file that a value stands in. */
  fileOf(path: Path): string;
  /** The text of a file that a value names, relative to the one it stands in. Throws as node:fs does. */
  readFile(name: string, at: Path): string;
  /** What keeps a folder that a value names from ever being there; undefined too where folders are not looked at. */
  folderFlaw(name: string, at: Path): string | undefined;
}

/** A finding, with the places it draws its conclusion from. */
export interface Judgement extends Finding {
  readonly from: readonly Path[];
}

/** A judgement that rests on its own place, or on the places given: what is absent is reported at the map around it. */
export function judge(finding: Finding, ...from: Path[]): Judgement {
  return { ...finding, from: from.length > 0 ? from : [finding.path] };
}
