// Our client's checks of prompts and resources against somebody else's server, which declares tasks of both.
import assert from "node:assert/strict";
import { check } from "./findings.ts";
import { type Check, withClient } from "./our-client.ts";

/** The text of a prompt's first message, or of a resource's first part. */
function textOf(result: unknown): string {
  const { messages, contents } = result as {
    messages?: { content: { text: string } }[];
    contents?: { text: string }[];
  };
  return messages?.[0]?.content.text ?? contents?.[0]?.text ?? JSON.stringify(result);
}

export const checkPrompts: Check = (target, generation, variables = {}) =>
  withClient(target, generation, variables, async (tasks, client) => {
    const prompt = (name: string, values: Record<string, string> = {}) =>
      tasks.getPrompt(client, { name, arguments: values });
    const read = async (uri: string, expected: string): Promise<string> => {
      const handle = await tasks.readResource(client, { uri });
      assert(handle.taskId !== undefined, "the server answered at once, without a task");
      assert.equal(textOf(await handle.result()), expected);
      return expected;
    };
    return [
      await check("prompt", async () => {
        const handle = await prompt("essay", { subject: "tea" });
        assert(handle.taskId !== undefined, "the server answered at once, without a task");
        const seen: string[] = [];
        for await (const { status } of handle.updates()) seen.push(status);
        assert.equal(textOf(await handle.result()), "an essay on tea");
        return seen.join(" ");
      }),
      await check("resource", () => read("data://report", "the report")),
      await check("template", () => read("data://tea", "the data of tea")),
      await check("error", async () => {
        const handle = await prompt("broken");
        const text = await handle.result().then(textOf, (error: Error) => error.message);
        assert.match(text, /fail/);
        return `${handle.snapshot.status}: ${text}`;
      }),
      await check("cancel", async () => {
        const status = await (await prompt("long")).cancel({ awaitTerminal: true });
        assert.equal(status, "cancelled");
        return status;
      }),
      await check("find again", async () => {
        const handle = await prompt("essay", { subject: "milk" });
        const again = await tasks.resume(client, JSON.parse(JSON.stringify(handle.reference)));
        assert.equal(textOf(await again.result()), "an essay on milk");
        return textOf(await handle.result());
      }),
      await check("as ever", async () => {
        const texts = [
          textOf(await client.getPrompt({ name: "essay", arguments: { subject: "tea" } })),
          textOf(await client.readResource({ uri: "data://report" })),
        ];
        assert.deepEqual(texts, ["an essay on tea", "the report"]);
        return texts.join(", ");
      }),
      await check("no task", async () => {
        const handle = await prompt("quick");
        assert.equal(handle.taskId, undefined);
        assert.equal(textOf(await handle.result()), "no task");
        return textOf(await client.getPrompt({ name: "quick" }));
      }),
      await check("only as a task", async () => {
        const plain = client.getPrompt({ name: "only" });
        assert.equal(textOf(await plain), "only as a task");
        const allowed = await tasks.getPrompt(client, { name: "only" }, { preference: "allow" });
        assert(allowed.taskId !== undefined);
        return textOf(await allowed.result());
      }),
    ];
  });
