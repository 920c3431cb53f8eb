// package.json as it is published: the template's, and what it should not say twice or cannot know.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "./tools.mjs";

export const template = join(root, "pkg-template");

/**
 * @param version Cargo.toml's, the only place where it is written
 * @param env where the CI that builds says for which repository; npm's provenance must name the same one
 */
export function manifest(version, env = process.env) {
  const { name, ...rest } = JSON.parse(readFileSync(join(template, "package.json"), "utf8"));
  return { name, version, ...rest, ...addresses(env), typesVersions: { "*": typesByPath(rest.exports) } };
}

/** Nothing where nobody knows: an address is not made up. */
function addresses({ GITHUB_SERVER_URL: server, GITHUB_REPOSITORY: repository, CI_PROJECT_URL }) {
  const address = server && repository ? `${server}/${repository}` : CI_PROJECT_URL;
  if (!address) return {};
  const issues = server && repository ? `${address}/issues` : `${address}/-/issues`;
  return {
    repository: { type: "git", url: `git+${address}.git` },
    homepage: `${address}#readme`,
    bugs: { url: issues },
  };
}

/** For TypeScript's `node10` resolution, which does not read `exports`. */
function typesByPath(exports) {
  const types = (target) =>
    typeof target !== "object" ? undefined : (target.types ?? types(target.require) ?? types(target.default));
  const subpaths = Object.entries(exports).map(([path, target]) => [path.slice(2), types(target)]);
  return Object.fromEntries(
    subpaths.filter(([path, file]) => path !== "" && file !== undefined).map(([path, file]) => [path, [file]]),
  );
}
