// The main job, with whatever the SDK and this package were loaded as: one task is created, followed and read.

/** Follows one task of `greet` to its result; one line, with the generation that the task was made in. */
async function follow(host, client, who) {
  const task = await host.callTool(client, { name: "greet", arguments: {} });
  const states = [];
  for await (const { status } of task.updates()) if (states.at(-1) !== status) states.push(status);
  const { content } = await task.result();
  const { generation } = task.reference;
  await client.close();
  return `${who} ${generation}: ${states.join(", ")}: ${content[0].text}`;
}

/** A server that answers soon, and yet later than at once. */
function greeter({ McpServer }, tasks) {
  const server = new McpServer({ name: "packaging", version: "1.0.0" });
  server.registerTool("greet", {}, async () => {
    await new Promise((resolve) => setTimeout(resolve, 50));
    return { content: [{ type: "text", text: "hello" }] };
  });
  return tasks.attach(server);
}

const quick = { poll: { min: 5, initial: 5 } };
const policy = { task: "always", pollInterval: 10 };

/** 2025-11-25 with either SDK, in memory. */
export async function inMemory({ TaskClient, TaskServer }, sdk, who) {
  const [near, far] = sdk.InMemoryTransport.createLinkedPair();
  const tasks = new TaskServer({ defaults: policy });
  await greeter(sdk, tasks).connect(far);
  const host = new TaskClient(quick);
  const client = host.attach(new sdk.Client({ name: "packaging", version: "1.0.0" }));
  await client.connect(near);
  const line = await follow(host, client, who);
  await tasks.close();
  return line;
}

/** 2026-07-28 with SDK v2, over its HTTP entry. */
export async function overFetch({ TaskClient, TaskServer }, sdk, who) {
  const tasks = new TaskServer({ defaults: policy });
  const serve = tasks.fetch(sdk.createMcpHandler(() => greeter(sdk, tasks)));
  const host = new TaskClient(quick);
  const client = host.attach(
    new sdk.Client({ name: "packaging", version: "1.0.0" }, { versionNegotiation: { mode: "auto" } }),
  );
  await client.connect(
    new sdk.StreamableHTTPClientTransport(new URL("http://packaging.test/mcp"), {
      fetch: (url, init) => serve(new Request(url, init)),
    }),
  );
  const line = await follow(host, client, who);
  await tasks.close();
  return line;
}
