import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import type { ExecutionContext } from 'ava';
import { parseDocument } from 'yaml';
import { ROOT } from '../support/documents.ts';
import { temporaryFolder } from '../support/files.ts';
import { build, type KubernetesObject, needsKubectl, ofKind, schemaErrors, typeErrors } from '../support/kubernetes.ts';

// The component beside applications of other shapes than the example: each is the example under another name, changed.

interface Application {
  readonly kind?: 'Deployment' | 'StatefulSet' | 'DaemonSet';
  /** Members of the pod's spec. */
  readonly pod?: object;
  readonly labels?: Readonly<Record<string, string>>;
  /** What is added to its kustomization. */
  readonly kustomization?: object;
  readonly more?: readonly object[];
}

const EXAMPLE = join(ROOT, 'k8s/examples/legacy-api');

/** Writes applications, each in a folder of its name, and one kustomization over all; answers what that builds. */
async function cluster(t: ExecutionContext, applications: Readonly<Record<string, Application>>, over: object = {}) {
  const folder = await temporaryFolder({});
  t.teardown(folder.remove);
  for (const [name, application] of Object.entries(applications)) write(folder.file(name), name, application);
  const resources = Object.keys(applications);
  await folder.write('kustomization.yaml', JSON.stringify({ resources, ...over }));
  return build(folder.path);
}

function write(
  folder: string,
  name: string,
  { kind = 'Deployment', pod, labels, kustomization, more = [] }: Application,
) {
  mkdirSync(folder);
  cpSync(join(EXAMPLE, 'gateway.yaml'), join(folder, 'gateway.yaml'));
  const read = (file: string) => {
    const text = readFileSync(join(EXAMPLE, file), 'utf8').replaceAll('legacy-api', name);
    return parseDocument(text).toJS() as Record<string, never>;
  };
  const workload = read('deployment.yaml') as unknown as KubernetesObject;
  const { replicas, ...spec } = workload.spec;
  Object.assign(spec.template.spec, pod);
  const shaped =
    kind === 'DaemonSet' ? spec : { ...spec, replicas, ...(kind === 'StatefulSet' && { serviceName: name }) };
  const metadata = { ...workload.metadata, ...(labels && { labels }) };
  const objects = [{ ...workload, kind, metadata, spec: shaped }, ...more];
  writeFileSync(join(folder, 'deployment.yaml'), objects.map((object) => JSON.stringify(object)).join('\n---\n'));
  writeFileSync(join(folder, 'service.yaml'), JSON.stringify(read('service.yaml')));
  const component = relative(folder, join(ROOT, 'k8s/sidecar'));
  const lines = { ...read('kustomization.yaml'), components: [component], ...kustomization };
  writeFileSync(join(folder, 'kustomization.yaml'), JSON.stringify(lines));
}

const named = (objects: readonly KubernetesObject[], kind: string) =>
  ofKind(objects, kind).map(({ metadata }) => metadata.name);

const gatewayIn = ({ spec }: KubernetesObject) =>
  spec.template.spec.initContainers?.find(({ name }: { name: string }) => name === 'bearergate');

async function areObjects(t: ExecutionContext, objects: readonly KubernetesObject[]) {
  for (const object of objects) t.is(await schemaErrors(object), undefined, `${object.kind} ${object.metadata.name}`);
  t.is(await typeErrors(objects), '');
}

needsKubectl('applications in one namespace have a configuration and a policy each', async (t) => {
  const objects = await cluster(t, { orders: {}, billing: { kind: 'StatefulSet' } }, { namespace: 'shop' });
  t.deepEqual(named(objects, 'ConfigMap').toSorted(), ['bearergate-billing', 'bearergate-orders']);
  t.deepEqual(named(objects, 'NetworkPolicy').toSorted(), ['bearergate-billing', 'bearergate-orders']);
  const workloads = [...ofKind(objects, 'Deployment'), ...ofKind(objects, 'StatefulSet')];
  for (const { metadata, spec } of workloads) {
    const { labels } = spec.template.metadata;
    const [volume] = spec.template.spec.volumes;
    t.is(volume.configMap.name, `bearergate-${metadata.name}`);
    const policies = ofKind(objects, 'NetworkPolicy').filter(({ spec: { podSelector } }) =>
      Object.entries(podSelector.matchLabels).every(([key, value]) => labels[key] === value),
    );
    t.deepEqual(named(policies, 'NetworkPolicy'), [`bearergate-${metadata.name}`], 'and nothing of the other one');
  }
  await areObjects(t, objects);
});

needsKubectl('names keep together under a prefix', async (t) => {
  const objects = await cluster(t, { orders: {} }, { namePrefix: 'prod-' });
  t.deepEqual(named(objects, 'ConfigMap'), ['prod-bearergate-orders']);
  const [deployment] = ofKind(objects, 'Deployment');
  t.is(deployment?.spec.template.spec.volumes[0].configMap.name, 'prod-bearergate-orders');
});

needsKubectl('an application that is not named is not built, rather than take the names of another', async (t) => {
  const configMapGenerator = [{ name: 'bearergate-config', files: ['gateway.yaml'] }];
  await t.throwsAsync(cluster(t, { orders: { kustomization: { configMapGenerator } } }), {
    message: /data\.application/,
  });
});

for (const kind of ['Deployment', 'StatefulSet', 'DaemonSet'] as const) {
  needsKubectl(`the pods of a ${kind} have the gateway, where their Service leads`, async (t) => {
    const objects = await cluster(t, { orders: { kind } });
    const [workload] = ofKind(objects, kind);
    t.truthy(workload && gatewayIn(workload));
    t.is(
      ofKind(objects, 'Service')[0]?.spec.ports[0].targetPort,
      gatewayIn(workload as KubernetesObject).ports[0].containerPort,
    );
    await areObjects(t, objects);
  });
}

needsKubectl('what has no label stays as it is', async (t) => {
  const worker = {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'worker' },
    spec: {
      selector: { matchLabels: { app: 'worker' } },
      template: {
        metadata: { labels: { app: 'worker' } },
        spec: { containers: [{ name: 'worker', image: 'worker' }] },
      },
    },
  };
  const objects = await cluster(t, { orders: { more: [worker] } });
  t.deepEqual(
    ofKind(objects, 'Deployment').find(({ metadata }) => metadata.name === 'worker'),
    worker,
  );
});

needsKubectl("the time to end is the application's: more than it needs is not taken away", async (t) => {
  for (const terminationGracePeriodSeconds of [45, 300]) {
    const [deployment] = ofKind(await cluster(t, { orders: { pod: { terminationGracePeriodSeconds } } }), 'Deployment');
    t.is(deployment?.spec.template.spec.terminationGracePeriodSeconds, terminationGracePeriodSeconds);
  }
});

needsKubectl('further ports of a pod are opened where its kustomization declares them', async (t) => {
  const patch = '- { op: add, path: /spec/ingress/0/ports/-, value: { port: 9100 } }';
  const target = { kind: 'NetworkPolicy', name: 'bearergate-orders' };
  const objects = await cluster(t, { orders: { kustomization: { patches: [{ target, patch }] } }, billing: {} });
  const open = (name: string) => {
    const policy = ofKind(objects, 'NetworkPolicy').find(({ metadata }) => metadata.name === name);
    return policy?.spec.ingress[0].ports.map(({ port }: { port: number }) => port);
  };
  t.deepEqual(open('bearergate-orders'), [8080, 9100]);
  t.deepEqual(open('bearergate-billing'), [8080]);
  await areObjects(t, objects);
});

needsKubectl('the block of the documentation builds, with an application named otherwise', async (t) => {
  const page = readFileSync(join(ROOT, 'docs/running/kubernetes.md'), 'utf8');
  const [, block = ''] = /```yaml\n(# kustomization\.yaml[\s\S]*?)```/.exec(page) ?? [];
  const { components, ...kustomization } = parseDocument(block.replaceAll('legacy-api', 'orders')).toJS() as {
    components: string[];
  };
  t.regex(String(components[0]), /k8s\/sidecar/);
  const objects = await cluster(t, { orders: { kustomization } });
  t.deepEqual(named(objects, 'ConfigMap'), ['bearergate-orders']);
  t.deepEqual(named(objects, 'NetworkPolicy'), ['bearergate-orders']);
  await areObjects(t, objects);
});
