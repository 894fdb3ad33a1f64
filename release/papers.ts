import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Enums, Models, Serialize, Spec } from '@cyclonedx/cyclonedx-library';
import { licenceTexts, ROOT, type ThirdParty, thirdParties } from './inventory.ts';

/** What is written beside the program. Both are the same for the same sources: no time, no random number. */
export const PAPERS = { notices: 'THIRD-PARTY-NOTICES.txt', bom: 'bom.cdx.json' } as const;

/** Writes the notices and the bill of materials of a build into its folder. `sources` are the files that it contains. */
export function writePapers(folder: string, sources: readonly string[]): void {
  const parties = thirdParties(sources);
  writeFileSync(join(folder, PAPERS.notices), notices(parties.filter(({ bundled }) => bundled)));
  writeFileSync(join(folder, PAPERS.bom), billOfMaterials(parties));
}

/** The licences of what is copied into our files: most ask for their text to go with every copy. */
function notices(bundled: readonly ThirdParty[]): string {
  const parts = bundled.map((party) =>
    [`${party.name} ${party.version} (${party.license})`, '', ...licenceTexts(party)].join('\n'),
  );
  const line = `\n\n${'-'.repeat(80)}\n\n`;
  return `${['The program files contain code of these packages.', ...parts].join(line)}\n`;
}

/** CycloneDX 1.6, as JSON. A component with the property `bundled` is copied in; npm installs the others. */
function billOfMaterials(parties: readonly ThirdParty[]): string {
  const own = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string; license: string };
  const root = new Models.Component(Enums.ComponentType.Application, 'bearergate', {
    version: own.version,
    bomRef: `bearergate@${own.version}`,
    purl: `pkg:npm/bearergate@${own.version}`,
    licenses: new Models.LicenseRepository([new Models.SpdxLicense(own.license)]),
  });
  const components = parties.map(componentOf);
  for (const { bomRef } of components) root.dependencies.add(bomRef);
  const bom = new Models.Bom({
    components: new Models.ComponentRepository(components),
    metadata: new Models.Metadata({ component: root }),
  });
  const serializer = new Serialize.JsonSerializer(new Serialize.JSON.Normalize.Factory(Spec.Spec1dot6));
  return `${serializer.serialize(bom, { sortLists: true, space: 2 })}\n`;
}

function componentOf({ name, version, license, integrity, bundled }: ThirdParty): Models.Component {
  const [scope, plain] = name.startsWith('@') ? name.split('/') : [undefined, name];
  return new Models.Component(Enums.ComponentType.Library, plain ?? name, {
    ...(scope !== undefined && { group: scope }),
    version,
    bomRef: `${name}@${version}`,
    purl: `pkg:npm/${name.replace('@', '%40')}@${version}`,
    scope: Enums.ComponentScope.Required,
    hashes: new Models.HashDictionary([
      [Enums.HashAlgorithm['SHA-512'], Buffer.from(integrity.slice('sha512-'.length), 'base64').toString('hex')],
    ]),
    licenses: new Models.LicenseRepository([new Models.SpdxLicense(license)]),
    properties: new Models.PropertyRepository(bundled ? [new Models.Property('bearergate:bundled', 'true')] : []),
  });
}
