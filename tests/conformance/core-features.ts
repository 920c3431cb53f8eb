// What the suite's core scenarios want from a server besides tasks. None of it runs as a task: these scenarios show
// that a tapped server still does everything an untapped one does.
import {
  acceptedContent,
  CLIENT_CAPABILITIES_META_KEY,
  createRequestStateCodec,
  fromJsonSchema,
  inputRequired,
  ResourceTemplate,
  type CallToolResult,
  type ClientCapabilities,
  type GetPromptResult,
  type InputRequest,
  type InputRequiredResult,
  type McpServer,
  type ReadResourceResult,
  type ServerContext,
  type ServerNotifier,
} from "@modelcontextprotocol/server";
import { setTimeout as sleep } from "node:timers/promises";
import * as z from "zod";

type ToolAnswer = CallToolResult | InputRequiredResult;
type State = { round?: number; name?: string };

const PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg==";
const WAV = "UklGRiYAAABXQVZFZm10IBAAAAABAAEAQB8AAAB9AAACABAAZGF0YQIAAAA=";

/**
 * Seals what travels through the client between two rounds; one key for the process, since each request has its own
 * server.
 */
export const requestState = createRequestStateCodec<State>({ key: crypto.getRandomValues(new Uint8Array(32)) });

export const text = (value: string): CallToolResult => ({ content: [{ type: "text", text: value }] });

/** A form with one required field. */
export function ask(message: string, field: string, type: "string" | "boolean" = "string"): InputRequest {
  const property = type === "string" ? { type: "string" as const } : { type: "boolean" as const };
  return inputRequired.elicit({
    message,
    requestedSchema: { type: "object", properties: { [field]: property }, required: [field] },
  });
}

const sample = (prompt: string): InputRequest =>
  inputRequired.createMessage({ messages: [{ role: "user", content: { type: "text", text: prompt } }], maxTokens: 50 });

export function addCoreFeatures(server: McpServer, notifier: () => ServerNotifier): void {
  addTools(server, notifier);
  addMultiRoundTools(server);
  addResources(server);
  addPrompts(server);
  server.server.setRequestHandler("completion/complete", () => ({
    completion: { values: [], total: 0, hasMore: false },
  }));
  server.server.setRequestHandler("logging/setLevel", () => ({}));
}

function addTools(server: McpServer, notifier: () => ServerNotifier): void {
  const none = z.object({});
  server.registerTool("test_simple_text", { description: "Answers with text" }, () =>
    text("This is a simple text response for testing."),
  );
  server.registerTool("test_image_content", { description: "Answers with an image" }, () => ({
    content: [{ type: "image", data: PNG, mimeType: "image/png" }],
  }));
  server.registerTool("test_audio_content", { description: "Answers with a sound" }, () => ({
    content: [{ type: "audio", data: WAV, mimeType: "audio/wav" }],
  }));
  server.registerTool("test_embedded_resource", { description: "Answers with a resource" }, () => ({
    content: [
      { type: "resource", resource: { uri: "test://embedded-resource", mimeType: "text/plain", text: "Embedded." } },
    ],
  }));
  server.registerTool("test_multiple_content_types", { description: "Answers with three kinds of content" }, () => ({
    content: [
      { type: "text", text: "Multiple content types test:" },
      { type: "image", data: PNG, mimeType: "image/png" },
      { type: "resource", resource: { uri: "test://mixed", mimeType: "application/json", text: '{"test":"data"}' } },
    ],
  }));
  server.registerTool("test_error_handling", { description: "Fails" }, () => {
    throw new Error("This tool intentionally returns an error for testing");
  });
  server.registerTool(
    "test_tool_with_progress",
    { description: "Reports its progress", inputSchema: none },
    async (_, ctx) => {
      const progressToken = ctx.mcpReq._meta?.progressToken;
      if (progressToken === undefined) return text("no progress token");
      for (const progress of [0, 50, 100]) {
        await ctx.mcpReq.notify({ method: "notifications/progress", params: { progressToken, progress, total: 100 } });
        await sleep(50);
      }
      return text(String(progressToken));
    },
  );
  server.registerTool(
    "test_tool_with_logging",
    { description: "Logs three lines", inputSchema: none },
    async (_, ctx) => {
      for (const data of ["Tool execution started", "Tool processing data", "Tool execution completed"]) {
        await ctx.mcpReq.notify({ method: "notifications/message", params: { level: "info", data } });
        await sleep(50);
      }
      return text("Tool with logging executed successfully");
    },
  );
  server.registerTool(
    "test_logging_tool",
    { description: "Logs at the level the request allows", inputSchema: none },
    async (_, ctx) => {
      await ctx.mcpReq.log("info", "seen only by a request that sets a log level");
      return text("logged");
    },
  );
  server.registerTool(
    "test_streaming_elicitation",
    { description: "Answers without a request of its own", inputSchema: none },
    () => text("no request on this stream"),
  );
  server.registerTool(
    "test_missing_capability",
    { description: "Needs sampling", inputSchema: none },
    (_, ctx): ToolAnswer =>
      ctx.mcpReq.inputResponses?.["answer"]
        ? text("sampled")
        : inputRequired({ inputRequests: { answer: sample("Say pong") } }),
  );
  const mirrored = {
    type: "object",
    properties: { region: { type: "string", "x-mcp-header": "Region" }, level: { type: "integer" } },
  };
  const mirror = {
    description: "Has an argument mirrored in a header",
    inputSchema: fromJsonSchema<{ region?: string }>(mirrored),
  };
  server.registerTool("test_x_mcp_header", mirror, ({ region }) => text(`region=${region ?? "none"}`));
  const jsonSchema = {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    type: "object",
    $defs: {
      address: {
        $anchor: "addressDef",
        type: "object",
        properties: { street: { type: "string" }, city: { type: "string" } },
      },
    },
    properties: {
      name: { type: "string" },
      address: { $ref: "#/$defs/address" },
      contactMethod: { type: "string", enum: ["phone", "email"] },
      phone: { type: "string" },
      email: { type: "string" },
    },
    allOf: [{ anyOf: [{ required: ["phone"] }, { required: ["email"] }] }],
    if: { properties: { contactMethod: { const: "phone" } }, required: ["contactMethod"] },
    then: { required: ["phone"] },
    else: { required: ["email"] },
    additionalProperties: false,
  };
  const rich = { description: "Takes what JSON Schema 2020-12 can say", inputSchema: fromJsonSchema(jsonSchema) };
  server.registerTool("json_schema_2020_12_tool", rich, (args) => text(JSON.stringify(args)));
  server.registerTool(
    "test_trigger_tool_change",
    { description: "Says that the tools changed", inputSchema: none },
    () => {
      notifier().toolsChanged();
      return text("published");
    },
  );
  server.registerTool(
    "test_trigger_prompt_change",
    { description: "Says that the prompts changed", inputSchema: none },
    () => {
      notifier().promptsChanged();
      return text("published");
    },
  );
}

/**
 * Tools that answer `input_required` until they have what they need: the exchange that comes before a task, or without
 * one.
 */
function addMultiRoundTools(server: McpServer): void {
  const tool = (name: string, run: (ctx: ServerContext) => ToolAnswer | Promise<ToolAnswer>) =>
    server.registerTool(
      `test_input_required_result_${name}`,
      { description: `Asks first: ${name}`, inputSchema: z.object({}) },
      (_, ctx) => run(ctx),
    );

  tool("elicitation", (ctx) => {
    const name = acceptedContent<{ name: unknown }>(ctx.mcpReq.inputResponses, "user_name")?.name;
    if (typeof name !== "string")
      return inputRequired({ inputRequests: { user_name: ask("What is your name?", "name") } });
    return text(`Hello, ${name}!`);
  });
  tool("sampling", (ctx) => {
    const answer = ctx.mcpReq.inputResponses?.["capital_question"];
    if (!answer)
      return inputRequired({ inputRequests: { capital_question: sample("What is the capital of France?") } });
    return text(`Sampling response: ${JSON.stringify(answer)}`);
  });
  tool("list_roots", (ctx) => {
    const answer = ctx.mcpReq.inputResponses?.["client_roots"];
    if (!answer) return inputRequired({ inputRequests: { client_roots: inputRequired.listRoots() } });
    return text(`Roots: ${JSON.stringify(answer)}`);
  });
  tool("request_state", async (ctx) => {
    if (acceptedContent(ctx.mcpReq.inputResponses, "confirm") && ctx.mcpReq.requestState()) return text("state-ok");
    const state = await requestState.mint({ round: 1 });
    return inputRequired({ inputRequests: { confirm: ask("Please confirm", "ok", "boolean") }, requestState: state });
  });
  tool("tampered_state", async (ctx) => {
    if (acceptedContent(ctx.mcpReq.inputResponses, "confirm") && ctx.mcpReq.requestState()) return text("integrity-ok");
    const state = await requestState.mint({ round: 1 });
    return inputRequired({ inputRequests: { confirm: ask("Please confirm", "ok", "boolean") }, requestState: state });
  });
  tool("multiple_inputs", async (ctx) => {
    const answers = ctx.mcpReq.inputResponses ?? {};
    if (["user_name", "greeting", "client_roots"].every((key) => key in answers)) return text("all three answered");
    return inputRequired({
      inputRequests: {
        user_name: ask("What is your name?", "name"),
        greeting: sample("Generate a greeting"),
        client_roots: inputRequired.listRoots(),
      },
      requestState: await requestState.mint({ round: 1 }),
    });
  });
  tool("multi_round", async (ctx) => {
    const { round = 0, name = "" } = ctx.mcpReq.requestState<State>() ?? {};
    const answers = ctx.mcpReq.inputResponses;
    if (round === 0) {
      const state = await requestState.mint({ round: 1 });
      return inputRequired({
        inputRequests: { step1: ask("Step 1: What is your name?", "name") },
        requestState: state,
      });
    }
    if (round === 1) {
      const given = acceptedContent<{ name: string }>(answers, "step1")?.name ?? "nobody";
      const state = await requestState.mint({ round: 2, name: given });
      return inputRequired({
        inputRequests: { step2: ask("Step 2: What is your favorite color?", "color") },
        requestState: state,
      });
    }
    return text(`${name} likes ${acceptedContent<{ color: string }>(answers, "step2")?.color ?? "nothing"}`);
  });
  tool("capabilities", (ctx) => {
    if (ctx.mcpReq.inputResponses) return text("answered");
    const declared = (ctx.mcpReq.envelope as Record<string, ClientCapabilities> | undefined)?.[
      CLIENT_CAPABILITIES_META_KEY
    ];
    const inputRequests: Record<string, InputRequest> = {};
    if (declared?.elicitation) inputRequests["user_name"] = ask("What is your name?", "name");
    if (declared?.sampling) inputRequests["greeting"] = sample("Generate a greeting");
    if (declared?.roots) inputRequests["client_roots"] = inputRequired.listRoots();
    return Object.keys(inputRequests).length > 0 ? inputRequired({ inputRequests }) : text("nothing can be asked");
  });
}

function addResources(server: McpServer): void {
  const plain = (uri: string, content: string): ReadResourceResult => ({
    contents: [{ uri, mimeType: "text/plain", text: content }],
  });
  server.registerResource("static-text", "test://static-text", { mimeType: "text/plain" }, ({ href }) =>
    plain(href, "Static text."),
  );
  server.registerResource("watched", "test://watched-resource", { mimeType: "text/plain" }, ({ href }) =>
    plain(href, "Watched."),
  );
  server.registerResource("static-binary", "test://static-binary", { mimeType: "image/png" }, ({ href }) => ({
    contents: [{ uri: href, mimeType: "image/png", blob: PNG }],
  }));
  const template = new ResourceTemplate("test://template/{id}/data", { list: undefined });
  server.registerResource("template", template, { mimeType: "application/json" }, ({ href }, { id }) => ({
    contents: [{ uri: href, mimeType: "application/json", text: JSON.stringify({ id, templateTest: true }) }],
  }));
  server.server.setRequestHandler("resources/subscribe", () => ({}));
  server.server.setRequestHandler("resources/unsubscribe", () => ({}));
}

function addPrompts(server: McpServer): void {
  const says = (...content: GetPromptResult["messages"][number]["content"][]): GetPromptResult => ({
    messages: content.map((part) => ({ role: "user", content: part })),
  });
  server.registerPrompt("test_simple_prompt", { description: "Says one thing" }, () =>
    says({ type: "text", text: "This is a simple prompt for testing." }),
  );
  server.registerPrompt("test_prompt_with_image", { description: "Shows an image" }, () =>
    says(
      { type: "image", data: PNG, mimeType: "image/png" },
      { type: "text", text: "Please analyze the image above." },
    ),
  );
  const twoArguments = z.object({ arg1: z.string(), arg2: z.string() });
  server.registerPrompt(
    "test_prompt_with_arguments",
    { description: "Repeats its arguments", argsSchema: twoArguments },
    ({ arg1, arg2 }) => says({ type: "text", text: `Prompt with arguments: arg1='${arg1}', arg2='${arg2}'` }),
  );
  const embedding = { description: "Embeds a resource", argsSchema: z.object({ resourceUri: z.string() }) };
  server.registerPrompt("test_prompt_with_embedded_resource", embedding, ({ resourceUri }) =>
    says(
      { type: "resource", resource: { uri: resourceUri, mimeType: "text/plain", text: "Embedded." } },
      { type: "text", text: "Please process the embedded resource above." },
    ),
  );
  server.registerPrompt(
    "test_input_required_result_prompt",
    { description: "Asks first", argsSchema: z.object({}) },
    (_, ctx) => {
      const context = acceptedContent<{ context: unknown }>(ctx.mcpReq.inputResponses, "user_context")?.context;
      if (typeof context === "string") return says({ type: "text", text: `Use the following context: ${context}` });
      return inputRequired({ inputRequests: { user_context: ask("What context should the prompt use?", "context") } });
    },
  );
}
