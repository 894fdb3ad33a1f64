import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { ROOT } from './documents.ts';
import { temporaryFolder } from './files.ts';
import { needs } from './needs.ts';

/** A `test` that renders kustomizations. Components of our kind need kubectl 1.21; what it says of its version is younger. */
export const needsKubectl = needs('kubectl 1.24 or later', () => {
  try {
    const version = execFileSync('kubectl', ['version', '--client', '-o', 'json'], { encoding: 'utf8', stdio: 'pipe' });
    return typeof JSON.parse(version).kustomizeVersion === 'string';
  } catch {
    return false;
  }
});

/** An object of the cluster, as far as tests look into it. */
export interface KubernetesObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly labels?: Labels };
  readonly data?: Readonly<Record<string, string>>;
  // biome-ignore lint/suspicious/noExplicitAny: the models say what stands in it, and are asked.
  readonly spec?: any;
}

export type Labels = Readonly<Record<string, string>>;

export interface Probe {
  readonly httpGet: { readonly path: string; readonly port: string | number };
}

export interface Container {
  readonly name: string;
  readonly image: string;
  readonly args?: readonly string[];
  readonly restartPolicy?: string;
  readonly ports?: readonly { readonly name: string; readonly containerPort: number }[];
  readonly startupProbe?: Probe;
  readonly livenessProbe?: Probe;
  readonly readinessProbe?: Probe;
  readonly lifecycle?: { readonly preStop?: { readonly sleep?: { readonly seconds: number } } };
  readonly resources?: { readonly requests?: Labels; readonly limits?: Labels };
  readonly securityContext?: Readonly<Record<string, unknown>>;
  readonly volumeMounts?: readonly {
    readonly name: string;
    readonly mountPath: string;
    readonly readOnly?: boolean;
    readonly subPath?: string;
  }[];
}

/** Every folder that kustomize can build by itself, relative to the root of the project. */
export const KUSTOMIZATIONS: readonly string[] = readdirSync(join(ROOT, 'k8s'), { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('kustomization.yaml'))
  .filter((file) => /^kind: Kustomization$/m.test(readFileSync(join(ROOT, 'k8s', file), 'utf8')))
  .map((file) => join('k8s', dirname(file)))
  .toSorted();

const rendered = new Map<string, readonly KubernetesObject[]>();

/** What kustomize makes of a folder. */
export function render(folder: string): readonly KubernetesObject[] {
  const known = rendered.get(folder);
  if (known) return known;
  const objects = build(join(ROOT, folder));
  rendered.set(folder, objects);
  return objects;
}

/** The same of any folder. Throws with kubectl's words. */
export function build(folder: string): readonly KubernetesObject[] {
  const text = execFileSync('kubectl', ['kustomize', folder], { encoding: 'utf8', stdio: 'pipe' });
  return parseAllDocuments(text).map((document) => document.toJS() as KubernetesObject);
}

export const ofKind = (objects: readonly KubernetesObject[], kind: string) =>
  objects.filter((object) => object.kind === kind);

/** Where npm packages have the models of an API version. */
function modelsOf(apiVersion: string): string {
  const home = apiVersion.startsWith('monitoring.coreos.com/')
    ? '@kubernetes-models/prometheus-operator'
    : 'kubernetes-models';
  return `${home}/${apiVersion}`;
}

interface Model {
  new (data: object): { validate(): void };
}

/** What is wrong with an object by the cluster's OpenAPI schema, which lets unknown fields pass. */
export async function schemaErrors(object: KubernetesObject): Promise<string | undefined> {
  const models = (await import(modelsOf(object.apiVersion))) as Readonly<Record<string, Model | undefined>>;
  const Known = models[object.kind];
  if (!Known) return `${object.apiVersion} has no ${object.kind}`;
  try {
    new Known(object).validate();
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

/** What is wrong with objects by the types made from those schemas: unknown and missing fields too. The compiler's words. */
export async function typeErrors(objects: readonly KubernetesObject[]): Promise<string> {
  const lines = objects.map(
    (object) =>
      `export const ${object.kind}_${object.metadata.name.replaceAll(/\W/g, '_')}: ` +
      `import('${modelsOf(object.apiVersion)}').I${object.kind} = ${JSON.stringify(object, null, 1)};`,
  );
  const folder = await temporaryFolder({ 'objects.ts': lines.join('\n') });
  try {
    symlinkSync(join(ROOT, 'node_modules'), folder.file('node_modules'));
    const options = ['--noEmit', '--strict', '--skipLibCheck', '--types', '', '--target', 'es2023'];
    const modules = ['--module', 'esnext', '--moduleResolution', 'bundler'];
    const compiler = join(ROOT, 'node_modules/typescript/bin/tsc');
    execFileSync(process.execPath, [compiler, ...options, ...modules, 'objects.ts'], {
      cwd: folder.path,
      encoding: 'utf8',
      stdio: 'pipe',
    });
    return '';
  } catch (error) {
    return (error as { stdout?: string }).stdout ?? String(error);
  } finally {
    await folder.remove();
  }
}
