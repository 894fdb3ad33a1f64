import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from './documents.ts';

/** A block of code in a page. */
export interface Block {
  readonly page: string;
  /** The language that stands behind its fence. */
  readonly language: string;
  readonly text: string;
}

/** Every block of code in the Markdown pages of a folder. */
export function blocksIn(folder: string): Block[] {
  return readdirSync(join(ROOT, folder))
    .filter((name) => name.endsWith('.md'))
    .flatMap((name) => {
      const text = readFileSync(join(ROOT, folder, name), 'utf8');
      return [...text.matchAll(/^```(\w+)\n(.*?)^```$/gms)].map(([, language = '', block = '']) => ({
        page: `${folder}/${name}`,
        language,
        text: block,
      }));
    });
}
