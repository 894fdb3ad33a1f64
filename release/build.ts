import { build } from '../build.mjs';
import { writePapers } from './papers.ts';

// What `npm pack` and `npm publish` run first: the program, and what belongs beside it.
writePapers('dist', await build('dist'));
