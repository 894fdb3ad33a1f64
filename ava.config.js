export default {
  extensions: { ts: 'module' },
  files: ['test/**/*.test.ts'],
  require: ['./test/support/ending.ts'],
  nodeArguments: ['--import=tsx/esm'],
  workerThreads: false,
  timeout: '60s',
};
