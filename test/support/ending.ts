import { registerCompletionHandler } from 'ava';

/** How long, in ms, a test file's process may go on once its tests are over. */
const MOST = 10_000;

// A server or a connection that a test forgot, or that the gateway leaves open when it closes, keeps the process alive. AVA
// would wait for it for a minute and then say only that the file did not exit. Timers that wait for nothing are no harm.
registerCompletionHandler(() => {
  setTimeout(() => {
    console.error(`Still open ${MOST} ms after the last test: ${process.getActiveResourcesInfo().join(', ')}`);
    process.exit(1);
  }, MOST).unref();
});
