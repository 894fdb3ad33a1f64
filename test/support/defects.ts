// For `node --import`: defects that a signal brings about, since there are none to be had otherwise. SIGUSR2 is an error that
// nobody catches, SIGWINCH a rejection that nobody handles.
process.on('SIGUSR2', () => {
  throw new Error('provoked\nby a test');
});
process.on('SIGWINCH', () => {
  void Promise.reject(new Error('rejected by a test'));
});
