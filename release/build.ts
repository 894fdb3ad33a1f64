import { build } from '../build.mjs';
import { writePapers } from './papers.ts';
import { writeTypes } from './types.ts';

// What `npm pack` and `npm publish` run first: the program and the library, and what belongs beside them.
writePapers('dist', await build('dist'));
writeTypes('dist');
