// The terminal view without a terminal: over a pipe and over HTTP, in both generations.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { promisify } from "node:util";
import { memoryStore, TaskServer } from "mcp-longhaul";
import { entryV2, HttpServer, statefulV1 } from "../sdk/harness/http.ts";
import { attached } from "../sdk/harness/servers.ts";
import { Program } from "./program.ts";
import { HOSTILE, tools } from "./tools.ts";

const TOKEN = "s3cret-t0ken-of-ada";
const stdio = (kind: string) => `"${process.execPath}" "${join(import.meta.dirname, "stdio-server.ts")}" ${kind}`;

let program: Program;
const servers: Record<string, HttpServer> = {};
const taskServers: TaskServer[] = [];
/** Bearer tokens that came. */
const tokens: (string | undefined)[] = [];

before(async () => {
  program = await Program.install();
  const authenticate = (token: string | undefined) => {
    tokens.push(token);
    return { token: token ?? "", clientId: "c", scopes: [], extra: { sub: token ?? "anybody" } };
  };
  const make = () => new TaskServer({ store: memoryStore(), defaults: { task: "always", pollInterval: 20 } });
  const [v1, v2] = [make(), make()];
  taskServers.push(v1, v2);
  servers["v1"] = await statefulV1(() => attached("v1", v1, tools), { authenticate });
  servers["v2"] = await entryV2(() => attached("v2", v2, tools), {
    authenticate,
    wrap: (handler) => ({ fetch: v2.fetch(handler) }),
  });
});
after(async () => {
  await Promise.all(taskServers.map((tasks) => tasks.close()));
  await Promise.all(Object.values(servers).map((server) => server.close()));
  await program.remove();
});

/** Each way to a server: its parameters. */
const WAYS: Record<string, () => string[]> = {
  "a pipe, the older generation": () => ["--stdio", stdio("v1")],
  "a pipe, the newer generation": () => ["--stdio", stdio("v2")],
  "HTTP, the older generation": () => ["--url", servers["v1"]!.url],
  "HTTP, the newer generation": () => ["--url", servers["v2"]!.url],
  "HTTP, the older generation of a server of both": () => ["--url", servers["v2"]!.url, "--legacy"],
};
const KEPT = Object.entries(WAYS).filter(([name]) => name.startsWith("HTTP"));

for (const [name, way] of Object.entries(WAYS)) {
  describe(`over ${name}`, () => {
    test("lists tools", async () => {
      const { code, events, stderr } = await program.run("tools", "--json", ...way());
      assert.equal(code, 0, stderr);
      assert.deepEqual(
        events.map((tool) => [tool.event, tool.name]),
        Object.keys(tools).map((tool) => ["tool", tool]),
      );
    });

    test("calls a tool, and prints its result and nothing else on stdout", async () => {
      const { code, stdout, stderr } = await program.run("call", "add", "--arg", "a=2", "--arg", "b=40", ...way());
      assert.equal(stdout, "42\n");
      assert.match(stderr, /^add {2}\S+ {2}(working|completed) {2}0 s\n/);
      assert.match(stderr, /completed/);
      assert.equal(code, 0);
    });

    test("an argument has the type that the tool wants", async () => {
      const { stdout } = await program.run("call", "echo", "--arg", "said=007", ...way());
      assert.equal(stdout, "007\n");
    });

    test("tells scripts of a task, its question, the answer and the result", async () => {
      const { code, events, stderr } = await program.run("call", "ask", "--answer", 'name="Ada"', "--json", ...way());
      assert.equal(code, 0, stderr);
      const of = (event: string) => events.filter((one) => one.event === event);
      const { taskId } = of("task")[0];
      assert.equal(of("task").at(-1).status, "completed");
      assert.equal(of("task").at(-1).tool, "ask");
      assert.deepEqual(
        of("question").map(({ taskId: id, question }) => [id, question.message]),
        [[taskId, "who?"]],
      );
      assert.deepEqual(of("answer"), [{ event: "answer", taskId, action: "accept" }]);
      assert.deepEqual(of("result")[0].result.content, [{ type: "text", text: "hello Ada" }]);
    });

    test("each --answer answers one question; what is left without stays open", async () => {
      const both = await program.run("call", "twice", "--answer", "name=Ada", "--answer", "name=Bob", ...way());
      assert.deepEqual([both.code, both.stdout], [0, "Ada and Bob\n"]);
      const one = await program.run("call", "twice", "--answer", "name=Ada", ...way());
      assert.deepEqual([one.code, one.stdout], [3, ""]);
      assert.match(one.stderr, /│ second\?\n.*The question stays open\. It has the fields name\./s);
    });

    test("values of a form are held against it", async () => {
      const answers = ["count=3", "weight=1.5", "gift=true", "colour=green", "size=l", 'extras=["bow"]'];
      const given = (name: string) => [name, ...answers].flatMap((answer) => ["--answer", answer]);
      const fits = await program.run("call", "order", ...given("name=Ada"), ...way());
      assert.deepEqual(JSON.parse(fits.stdout), {
        name: "Ada",
        count: 3,
        weight: 1.5,
        gift: true,
        colour: "green",
        size: "l",
        extras: ["bow"],
      });
      const short = await program.run("call", "order", ...given("name=A"), ...way());
      assert.equal(short.code, 3);
      assert.match(short.stderr, /The answer does not fit: name: at least 2 characters/);
    });

    test("declines what it is told to decline, and opens no page", async () => {
      const declined = await program.run("call", "ask", "--decline", ...way());
      assert.deepEqual([declined.code, declined.stdout], [0, "decline\n"]);
      const page = await program.run("call", "page", ...way());
      assert.equal(page.code, 3);
      assert.match(page.stderr, /It wants this page of example\.com to be opened; nothing opens it by itself/);
      assert.match(page.stderr, /https:\/\/user@example\.com\/%1B\[2Jpay/);
    });

    test("says by its exit code how a task ended", async () => {
      const failed = await program.run("call", "wrong", ...way());
      assert.deepEqual([failed.code, failed.stdout], [1, "wrong\n"]);
      const unknown = await program.run("follow", "nothing-like-it", "--json", ...way());
      assert.deepEqual([unknown.code, unknown.events.at(-1).code], [5, "not_found"]);
      const late = await program.run("call", "endless", "--timeout", "1", ...way());
      assert.equal(late.code, 7);
      assert.match(late.stderr, /The task goes on\. To come back: mcp-longhaul tasks follow \S+/);
    });

    test("X-SEC: nothing that a terminal obeys reaches it", async () => {
      const answer = ["--answer", `${HOSTILE}=x`];
      for (const more of [[], ["--json"], ["--verbose"]]) {
        const { code, stdout, stderr } = await program.run("call", "hostile", ...answer, ...more, ...way());
        assert.equal(code, 0, stderr);
        assert.match(stdout, more.includes("--json") ? /\\u001b\[2J/ : /\\u\{1b\}\[2J/);
        // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
        assert.doesNotMatch(stdout + stderr, /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/);
        assert.doesNotMatch(stderr, /^fake/m, "a line of the server's looks like one of the tool's");
      }
    });
  });
}

for (const [name, way] of KEPT) {
  describe(`with a server that goes on, over ${name}`, () => {
    const start = async (tool: string) => {
      const { code, events } = await program.run("call", tool, "--detach", "--json", ...way());
      // Whoever leaves a task at once is asked nothing.
      assert.deepEqual([code, events.map(({ event }) => event)], [0, ["task"]]);
      return events[0].taskId as string;
    };

    test("leaves a task, lists it, cancels it from elsewhere", async () => {
      const id = await start("endless");
      const listed = await program.run("list", ...way());
      assert.match(listed.stdout, new RegExp(`^${id} +working +endless`, "m"));
      const cancelled = await program.run("cancel", id, ...way());
      assert.equal(cancelled.code, 0, cancelled.stderr);
      const status = await program.run("status", id, "--json", ...way());
      assert.equal(status.events[0].status, "cancelled");
      const followed = await program.run("follow", id, ...way());
      assert.equal(followed.code, 4);
    });

    test("answers a question of a task that was left, then waits for its result", async () => {
      const id = await start("ask");
      const unanswered = await program.run("follow", id, ...way());
      assert.equal(unanswered.code, 3);
      const answered = await program.run("answer", id, "--answer", "name=Ada", ...way());
      assert.equal(answered.code, 0, answered.stderr);
      const { code, stdout, stderr } = await program.run("result", id, ...way());
      assert.deepEqual([code, stdout, stderr], [0, "hello Ada\n", ""]);
    });

    test("follows several, and a task is found by its id alone", async () => {
      const ids = [await start("ask"), await start("ask")];
      const answers = ["--answer", "name=Ada", "--answer", "name=Bob"];
      const elsewhere = join(program.folder, "elsewhere");
      const { code, stdout } = await program.run("follow", ...ids, ...answers, "--state", elsewhere, ...way());
      assert.equal(code, 0);
      assert.deepEqual(stdout.split("\n").sort(), ["", "hello Ada", "hello Bob"]);
    });

    test("an id that begins with a dash is no option", async () => {
      for (const id of ["-5nUPhGAHWrH10aBHMBzAqi8D", "--nUPhGAHWrH10aBHMBzAqi8D"]) {
        const { code, stderr } = await program.run("status", id, "--json", ...way());
        assert.equal(code, 5, stderr);
      }
    });

    test("a call that is repeated with its key finds its task", async () => {
      const key = `key-${Math.random().toString(36).slice(2).padEnd(16, "x")}`;
      const again = () => program.run("call", "endless", "--key", key, "--detach", "--json", ...way());
      const [first, second] = [await again(), await again()];
      assert.deepEqual([first.code, second.code], [0, 0], first.stderr + second.stderr);
      assert.equal(first.events[0].taskId, second.events[0].taskId);
      await program.run("cancel", first.events[0].taskId, ...way());
      const wrong = await program.run("call", "endless", "--key", "short", ...way());
      assert.equal(wrong.code, 2);
    });

    test("Ctrl-C leaves the task alone", async () => {
      const running = program.start(["tasks", "call", "endless", ...way()]);
      await running.said(/working/);
      running.interrupt();
      const { code, stderr } = await running;
      assert.equal(code, 130);
      const [, id] = /tasks follow (\S+)/.exec(stderr)!;
      const status = await program.run("status", id!, "--json", ...way());
      assert.equal(status.events[0].status, "working", status.stdout + status.stderr + stderr);
      await program.run("cancel", id!, ...way());
    });
  });
}

describe("secrets", () => {
  test("a token from the environment is sent, and printed nowhere", async () => {
    tokens.length = 0;
    const env = { MCP_LONGHAUL_TOKEN: TOKEN };
    for (const more of [[], ["--json"]]) {
      const command = ["tasks", "call", "said", ...more, "--verbose", "--url", servers["v2"]!.url];
      const { code, stdout, stderr } = await program.start(command, env);
      assert.equal(code, 0, stderr);
      assert.match(stdout, /you sent Bearer \*\*\*/);
      assert.doesNotMatch(stdout + stderr, new RegExp(TOKEN));
    }
    assert.ok(tokens.length > 0 && tokens.every((token) => token === TOKEN));
    for (const file of await readdir(program.state, { recursive: true, withFileTypes: true }))
      if (file.isFile()) assert.doesNotMatch(await readFile(join(file.parentPath, file.name), "utf8"), /s3cret/);
  });

  test("a token goes nowhere in the clear, and no redirect takes it elsewhere", async () => {
    const clear = await program.run("list", "--token", TOKEN, "--url", "http://example.com/mcp");
    assert.equal(clear.code, 2);
    assert.match(clear.stderr, /A token is sent over https: alone/);
    let reached = 0;
    const other = await HttpServer.listen((_request, response) => void (reached++, response.end()));
    const first = await HttpServer.listen((_request, response) => {
      response.writeHead(307, { location: other.url }).end();
    });
    try {
      const sent = await program.run("list", "--header", `X-Key: ${TOKEN}`, "--url", first.url);
      assert.deepEqual([sent.code, reached], [6, 0]);
      assert.doesNotMatch(sent.stderr, new RegExp(TOKEN));
    } finally {
      await Promise.all([other.close(), first.close()]);
    }
  });
});

describe("usage", () => {
  for (const [parameters, sentence] of [
    [[], /^mcp-longhaul: the tasks of MCP servers/],
    [["tasks", "--help"], /Exit codes/],
    [["--version"], /^\d+\.\d+\.\d+/],
  ] as const) {
    test(`mcp-longhaul ${parameters.join(" ")}`, async () => {
      const { code, stdout } = await program.start(parameters);
      assert.equal(code, 0);
      assert.match(stdout, sentence);
    });
  }

  for (const [parameters, sentence] of [
    [["unknown"], /tasks has the commands tools, call, list/],
    [["list"], /Name the server by one of --url ADDRESS and --stdio COMMAND/],
    [["list", "--url", "ftp://x"], /begins with https:\/\/ or http:\/\//],
    [["list", "--nonsense"], /Unknown option '--nonsense'/],
    [["list", "--arg", "a=1", "--url", "https://example.com"], /--arg is for call/],
    [["call", "--url", "https://example.com"], /call takes the name of one tool/],
    [["follow", "x", "--timeout", "soon", "--url", "https://example.com"], /--timeout takes a number of seconds/],
  ] as const) {
    test(`tasks ${parameters.join(" ")} is wrong`, async () => {
      const { code, stdout, stderr } = await program.run(...parameters);
      assert.deepEqual([code, stdout], [2, ""]);
      assert.match(stderr, sentence);
      assert.match(stderr, /--help says more/);
    });
  }

  test("a server that does not start is told of, with what it has said last", async () => {
    const { code, stderr } = await program.run("list", "--stdio", "echo 'no licence' >&2; exit 3");
    assert.equal(code, 6);
    assert.match(stderr, /The server was not reached.*It has said last:\n {2}no licence/s);
  });
});

describe("the package", () => {
  test("brings nothing else along, and npx runs it in an empty folder", async () => {
    assert.deepEqual(await program.installed(), ["mcp-longhaul"]);
    const folder = await mkdtemp(join(tmpdir(), "mcp-longhaul-empty-"));
    try {
      const parameters = ["exec", "--yes", "--offline", `--package=${program.tarball}`, "--", "mcp-longhaul", "--help"];
      const { stdout } = await promisify(execFile)("npm", parameters, { cwd: folder });
      assert.match(stdout, /npx mcp-longhaul tasks COMMAND/);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });

  test("the licences of what is in the file are told", async () => {
    const folder = join(program.folder, "node_modules", "mcp-longhaul");
    const [licences, sbom] = await Promise.all(
      ["THIRD-PARTY-LICENSES", "sbom.cdx.json"].map((name) => readFile(join(folder, name), "utf8")),
    );
    for (const name of ["@modelcontextprotocol/client", "@modelcontextprotocol/core", "zod", "cross-spawn", "which"]) {
      assert.match(licences!, new RegExp(`^- ${name} \\d`, "m"));
      assert.match(licences!, new RegExp(`^${name} \\d\\S+, LICEN[CS]E`, "m"));
      assert.ok(JSON.parse(sbom!).components.some((component: any) => component.name === name));
    }
  });
});
