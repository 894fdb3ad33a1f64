import test, { type ExecutionContext } from 'ava';
import type { Config } from '../../src/config/config.ts';
import { loadConfig } from '../../src/config/load.ts';
import { startBehind } from '../support/gateway.ts';
import {
  type Container,
  KUSTOMIZATIONS,
  type KubernetesObject,
  type Labels,
  needsKubectl,
  ofKind,
  render,
  schemaErrors,
  typeErrors,
} from '../support/kubernetes.ts';

test('there are kustomizations', (t) => {
  for (const folder of ['k8s/base', 'k8s/examples/legacy-api', 'k8s/examples/monitoring'])
    t.true(KUSTOMIZATIONS.includes(folder), folder);
});

/** A pod with a gateway in it, and what the gateway there is configured to do. */
interface GatewayPod {
  readonly deployment: KubernetesObject;
  readonly gateway: Container;
  /** The other containers of the pod. */
  readonly others: readonly Container[];
  readonly config: Config;
}

function gatewayPods(t: ExecutionContext, objects: readonly KubernetesObject[]): GatewayPod[] {
  const pods = ofKind(objects, 'Deployment').flatMap((deployment) => {
    const { containers, initContainers = [], volumes } = deployment.spec.template.spec;
    const all: Container[] = [...containers, ...initContainers];
    const gateway = all.find(({ name }) => name === 'bearergate');
    if (!gateway) return [];
    const [mount] = gateway.volumeMounts ?? [];
    const volume = volumes.find(({ name }: { name: string }) => name === mount?.name);
    const text = objects.find(({ kind, metadata }) => kind === 'ConfigMap' && metadata.name === volume.configMap.name)
      ?.data?.['gateway.yaml'];
    t.not(text, undefined, 'the ConfigMap that is mounted has the configuration');
    return [{ deployment, gateway, others: all.filter((one) => one !== gateway), config: loaded(t, String(text)) }];
  });
  t.true(pods.length > 0);
  return pods;
}

function loaded(t: ExecutionContext, text: string): Config {
  const files = { readFile: () => text, readFolder: () => [] };
  const result = loadConfig('/etc/bearergate/gateway.yaml', { variables: {}, ...files });
  t.deepEqual(result.ok ? result.warnings : result.problems, []);
  if (!result.ok) throw new Error('the configuration has problems');
  return result.config;
}

function portOf({ ports = [] }: Container, port: string | number): number | undefined {
  return typeof port === 'number' ? port : ports.find(({ name }) => name === port)?.containerPort;
}

const fits = (selector: Labels, labels: Labels = {}) =>
  Object.keys(selector).length > 0 && Object.entries(selector).every(([key, value]) => labels[key] === value);

const seconds = (ms: number) => ms / 1000;

for (const folder of KUSTOMIZATIONS) {
  needsKubectl(`${folder}: every object is one by the schemas of the cluster`, async (t) => {
    const objects = render(folder);
    t.true(objects.length > 0);
    for (const object of objects) t.is(await schemaErrors(object), undefined, `${object.kind} ${object.metadata.name}`);
    t.is(await typeErrors(objects), '');
  });
}

for (const folder of KUSTOMIZATIONS.filter((name) => name !== 'k8s/examples/monitoring')) {
  needsKubectl(`${folder}: configuration, ports and probes agree`, (t) => {
    const objects = render(folder);
    for (const { gateway, config } of gatewayPods(t, objects)) {
      t.deepEqual([config.listen.host, config.admin.host], ['0.0.0.0', '0.0.0.0'], 'the pod has an address of its own');
      const ports = gateway.ports?.map(({ containerPort }) => containerPort);
      t.deepEqual(ports, [config.listen.port, config.admin.port]);
      for (const [name, path] of [
        ['startupProbe', '/livez'],
        ['livenessProbe', '/livez'],
        ['readinessProbe', '/readyz'],
      ] as const) {
        const asked = gateway[name]?.httpGet;
        t.is(asked?.path, path, name);
        t.is(portOf(gateway, asked?.port ?? 0), config.admin.port, name);
      }
      t.deepEqual(gateway.args, ['start']);
    }
  });

  needsKubectl(`${folder}: a pod has the time that its shutdown may take`, (t) => {
    for (const { deployment, gateway, others, config } of gatewayPods(t, render(folder))) {
      const { drain } = config;
      const grace = deployment.spec.template.spec.terminationGracePeriodSeconds;
      const hooks = [gateway, ...others].map(({ lifecycle }) => lifecycle?.preStop?.sleep?.seconds ?? 0);
      t.true(grace >= Math.max(...hooks) + seconds(drain.delay + drain.timeout) + 5, `${grace} s`);
      if (gateway.restartPolicy !== 'Always') continue;
      // A sidecar gets the signal when the others have ended: they have to wait until endpoints are updated.
      t.is(drain.delay, 0);
      for (const { name, lifecycle } of others) t.true((lifecycle?.preStop?.sleep?.seconds ?? 0) >= 5, name);
    }
  });

  needsKubectl(
    `${folder}: pods keep to the restricted Pod Security Standard, and have no token of the cluster`,
    (t) => {
      for (const { deployment, gateway, others } of gatewayPods(t, render(folder))) {
        const { spec } = deployment.spec.template;
        t.false(spec.automountServiceAccountToken);
        t.true(!spec.hostNetwork && !spec.hostPID && !spec.hostIPC);
        for (const container of [gateway, ...others]) {
          const security: Record<string, unknown> = { ...spec.securityContext, ...container.securityContext };
          t.like(security, {
            runAsNonRoot: true,
            seccompProfile: { type: 'RuntimeDefault' },
            allowPrivilegeEscalation: false,
            capabilities: { drop: ['ALL'] },
            readOnlyRootFilesystem: true,
          });
          t.true(Number(security.runAsUser) > 0);
          t.truthy(container.resources?.requests?.cpu && container.resources.limits?.memory, container.name);
        }
      }
    },
  );

  needsKubectl(`${folder}: the configuration is a folder whose changes are seen, under one name`, (t) => {
    for (const { deployment, gateway } of gatewayPods(t, render(folder))) {
      const [mount] = gateway.volumeMounts ?? [];
      t.like(mount, { mountPath: '/etc/bearergate', readOnly: true });
      t.is(mount?.subPath, undefined);
      const volume = deployment.spec.template.spec.volumes.find(({ name }: { name: string }) => name === mount?.name);
      t.regex(
        volume.configMap.name,
        /^bearergate-(?:config|legacy-api)$/,
        'without a hash that changes with its content',
      );
    }
  });

  needsKubectl(`${folder}: whatever selects pods selects these, and leads to the gateway alone`, (t) => {
    const objects = render(folder);
    for (const { deployment, gateway, others, config } of gatewayPods(t, objects)) {
      const { labels } = deployment.spec.template.metadata;
      const { topologySpreadConstraints = [] } = deployment.spec.template.spec;
      for (const selector of [
        deployment.spec.selector,
        ...topologySpreadConstraints.map(({ labelSelector }: { labelSelector: object }) => labelSelector),
        ...ofKind(objects, 'PodDisruptionBudget').map(({ spec }) => spec.selector),
      ])
        t.true(fits(selector.matchLabels, labels), JSON.stringify(selector));
      const services = ofKind(objects, 'Service').filter(({ spec }) => fits(spec.selector, labels));
      t.true(services.length > 0);
      for (const { targetPort } of services.flatMap(({ spec }) => spec.ports))
        t.is(portOf(gateway, targetPort), config.listen.port);
      const policies = ofKind(objects, 'NetworkPolicy').filter(({ spec }) =>
        fits(spec.podSelector.matchLabels, labels),
      );
      t.true(policies.length > 0);
      const open = policies.flatMap(({ spec }) => spec.ingress);
      const toAll = open.filter(({ from }) => from === undefined).flatMap(({ ports }) => ports);
      t.deepEqual(
        toAll.map(({ port }) => port),
        [config.listen.port],
        'nothing but the gateway is open to everybody',
      );
      const toSome = open.filter(({ from }) => from !== undefined).flatMap(({ ports }) => ports);
      t.deepEqual(
        toSome.map(({ port }) => port),
        [config.admin.port],
      );
      // A kubelet's question to the application goes through the gateway, on a route that asks for no token.
      for (const { name, readinessProbe } of others) {
        if (readinessProbe === undefined) continue;
        t.is(readinessProbe.httpGet.port, config.listen.port, name);
        const route = config.routes.find(({ path }) => path.source === readinessProbe.httpGet.path);
        t.is(route?.guard, 'public');
      }
    }
    for (const { spec } of ofKind(objects, 'HorizontalPodAutoscaler')) {
      const target = ofKind(objects, 'Deployment').find(({ metadata }) => metadata.name === spec.scaleTargetRef.name);
      t.is(target?.spec.replicas, undefined, 'the autoscaler alone says how many');
      t.true(spec.minReplicas >= 2);
    }
  });
}

needsKubectl('the sidecar is a native one: it starts before the application and ends after it', (t) => {
  const [pod] = gatewayPods(t, render('k8s/examples/legacy-api'));
  t.is(pod?.gateway.restartPolicy, 'Always');
  const { initContainers } = pod?.deployment.spec.template.spec ?? {};
  t.true(initContainers.includes(pod?.gateway));
  t.deepEqual(
    pod?.config.upstreams.map(({ urls }) => new URL(urls[0]).hostname),
    ['127.0.0.1'],
  );
  t.regex(pod?.gateway.image ?? '', /^registry\.example\.com\/bearergate:\d/, 'images can be renamed from outside');
});

test('what probes and monitors ask is served', async (t) => {
  const { gateway } = await startBehind(t);
  for (const path of ['/livez', '/readyz', '/metrics'])
    t.is((await fetch(`${gateway.adminUrl}${path}`)).status, 200, path);
});

needsKubectl('a field that the cluster does not know, and a value of the wrong type, are found', async (t) => {
  const [deployment] = ofKind(render('k8s/base'), 'Deployment') as [KubernetesObject];
  const changed = structuredClone(deployment);
  changed.spec.template.spec.containers[0].livenesProbe = {};
  t.regex(await typeErrors([changed]), /livenesProbe/);
  const broken = structuredClone(deployment);
  broken.spec.template.spec.containers[0].name = 1;
  t.regex(String(await schemaErrors(broken)), /name must be string/);
});
