// The public surface as text, one file for each entry with types (pkg-template/api): a change of it is seen in review.
// And whatever API Extractor has to say about the declarations: everything is described, exported, and linked right.
import { readFileSync, readdirSync, rmSync } from "node:fs";
import { join, relative } from "node:path";
import { typedEntries } from "./exports.mjs";
import { template } from "./manifest.mjs";
import { Failure, work, write } from "./tools.mjs";

const folder = join(template, "api");
const nameOf = (subpath) => `${subpath === "." ? "mcp-longhaul" : subpath.slice(2).replaceAll("/", "-")}.api.md`;
const exportsOf = (report) =>
  new Set(
    [
      ...report.matchAll(/^export (?:(?:declare|abstract|default) )*(?:class|const|function|interface|type) (\w+)/gm),
    ].map(([, name]) => name),
  );

/**
 * Fails where the declarations have a fault, or the reports differ from those that are checked in.
 * @param update writes the reports instead
 */
export async function checkApi(pkg, { update = false } = {}) {
  const { CompilerState, Extractor, ExtractorConfig, ExtractorLogLevel } = (await import("@microsoft/api-extractor"))
    .default;
  const entries = typedEntries(JSON.parse(readFileSync(join(pkg, "package.json"), "utf8")), pkg);
  const faults = [];
  const reports = new Map();
  const configs = entries.map(([subpath, file]) =>
    ExtractorConfig.prepare({
      configObject: {
        projectFolder: pkg,
        mainEntryPointFilePath: file,
        compiler: {
          overrideTsconfig: {
            compilerOptions: { target: "ES2022", module: "NodeNext", lib: ["ES2022", "DOM"], types: [], strict: true },
            files: entries.map(([, file]) => file),
          },
        },
        apiReport: {
          enabled: true,
          reportFolder: folder,
          reportTempFolder: join(work, "api"),
          reportFileName: nameOf(subpath),
        },
        docModel: { enabled: false },
        dtsRollup: { enabled: false },
        tsdocMetadata: { enabled: false },
        newlineKind: "lf",
        messages: {
          compilerMessageReporting: { default: { logLevel: ExtractorLogLevel.Error } },
          // Nothing here is for a part of the users only.
          extractorMessageReporting: {
            default: { logLevel: ExtractorLogLevel.Error },
            "ae-missing-release-tag": { logLevel: ExtractorLogLevel.None },
          },
          tsdocMessageReporting: { default: { logLevel: ExtractorLogLevel.Error } },
        },
      },
      packageJsonFullPath: join(pkg, "package.json"),
    }),
  );
  const compilerState = CompilerState.create(configs[0]);
  for (const [index, config] of configs.entries()) {
    const [subpath] = entries[index];
    const said = [];
    Extractor.invoke(config, {
      compilerState,
      messageCallback(message) {
        if (message.logLevel === ExtractorLogLevel.None) return;
        message.handled = true;
        if (message.category !== "console") said.push(message);
      },
    });
    const report = readFileSync(config.reportTempFilePath, "utf8");
    reports.set(nameOf(subpath), report);
    const main = exportsOf(reports.get(nameOf(".")));
    for (const { messageId, text, sourceFilePath, sourceFileLine } of said) {
      // What the main entry exports need not be exported again by the others.
      const [, missing] = /^(?:ae-forgotten-export|ae-unresolved-link)/.test(messageId)
        ? (/"(\w+)"(?: needs to be exported|$)/.exec(text) ?? [])
        : [];
      if (subpath === "." || !main.has(missing))
        faults.push(
          [relative(pkg, sourceFilePath ?? config.mainEntryPointFilePath), sourceFileLine ?? 0].join(":") +
            ` ${messageId}: ${text}`,
        );
    }
  }
  if (faults.length > 0) throw new Failure(`the declarations have faults:\n${[...new Set(faults)].join("\n")}`);
  compare(reports, update);
}

function compare(reports, update) {
  const kept = new Map(existing().map((name) => [name, readFileSync(join(folder, name), "utf8")]));
  const differing = [...new Set([...reports.keys(), ...kept.keys()])].filter(
    (name) => reports.get(name) !== kept.get(name),
  );
  if (differing.length === 0) return;
  if (!update)
    throw new Failure(
      `the public surface has changed: ${differing.join(", ")} in pkg-template/api. If it should, ` +
        "`npm run api` writes the new reports; look at the difference and commit it.",
    );
  for (const name of differing) {
    if (reports.has(name)) write(join(folder, name), reports.get(name));
    else rmSync(join(folder, name));
  }
}

function existing() {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
