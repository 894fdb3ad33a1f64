/** Builds into a folder. Resolves with the paths of the source files that the bundles contain. */
export function build(folder: string): Promise<string[]>;
