import type { Observer } from '../assembly.ts';
import type { Log } from '../observe/log.ts';
import type { Metrics } from '../observe/metrics.ts';
import type { OutageReports } from '../observe/outage-reports.ts';
import type { Team } from './workers/team.ts';

/** Where events of key sets and endpoints are reported. */
export interface ObserverDeps {
  readonly log: Log;
  readonly metrics: Metrics;
  readonly team: Team | undefined;
  readonly outages: OutageReports;
}

/** Counts and logs what happens to key sets, and logs what happens to endpoints. */
export function createObserver({ log, metrics, team, outages }: ObserverDeps): Observer {
  return {
    keysFetched(issuer, keys, leftOut) {
      metrics.keysRefreshed(issuer, 'success');
      team?.keysFetched(issuer);
      log.keysFetched(issuer, keys, leftOut);
      outages.fetched(issuer);
    },
    keysFailed(issuer, error, usable) {
      metrics.keysRefreshed(issuer, 'failure');
      outages.failed(issuer, error, usable);
    },
    snapshotUsed: (issuer, path, error) => log.snapshotUsed(issuer, path, error),
    targetLeftOut: (upstream, target, reason) => log.targetLeftOut(upstream, target, reason),
    targetBack: (upstream, target) => log.targetBack(upstream, target),
  };
}
