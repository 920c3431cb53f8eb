// The Inspector's command line, which has no tasks: our tools are called, and answered in the call itself.
import { execFile } from "node:child_process";
import assert from "node:assert/strict";
import { join } from "node:path";
import { promisify } from "node:util";
import { check, type Finding } from "../findings.ts";
import { type Carrier, withOurServer } from "../programs.ts";

const execute = promisify(execFile);

/** `folder`: where it is installed. */
export function inspectorCli(folder: string, carrier: Carrier, era: "legacy" | "modern"): Promise<Finding[]> {
  return withOurServer(carrier, async (target) => {
    const inspector = join(folder, "node_modules", "@modelcontextprotocol", "inspector", "clients", "launcher");
    const ask = async (...parameters: readonly string[]): Promise<any> => {
      const fixed = [join(inspector, "build", "index.js"), "--cli", "--format", "json", "--protocol-era", era];
      const { stdout } = await execute(process.execPath, [...fixed, ...parameters, ...target], { cwd: folder }).catch(
        // A tool's error is an exit code, and the result is printed all the same.
        (error: { stdout: string; stderr: string }) => {
          if (!error.stdout) throw new Error(error.stderr);
          return error;
        },
      );
      return JSON.parse(stdout);
    };
    const call = (name: string, values: object = {}): Promise<any> =>
      ask("--method", "tools/call", "--tool-name", name, "--tool-args-json", JSON.stringify(values));
    return [
      await check("list", async () => {
        const text = JSON.stringify(await ask("--method", "tools/list"));
        assert.match(text, /"render"/);
        return "the tools";
      }),
      await check("result", async () => {
        const text = JSON.stringify(await call("render", { scene: "teapot" }));
        assert.match(text, /teapot is rendered/);
        return text;
      }),
      await check("error", async () => {
        const text = JSON.stringify(await call("fail"));
        assert.match(text, /the tool failed/);
        return text;
      }),
    ];
  });
}
