import type { TaskHandle, ToolResult } from "./types.ts";

/** What is known of a tool before it is called. What is left out is not checked. */
export interface ToolType {
  /** The arguments it takes: an object type. */
  readonly arguments?: object | undefined;
  /** What its `outputSchema` promises: an object type. */
  readonly structuredContent?: object | undefined;
}

/**
 * The tools of a server, by name, as a type argument of {@link TaskClient}: an interface or an object type whose
 * members are {@link ToolType}s.
 *
 * ```ts
 * interface Tools {
 *   render: { arguments: { scene: string }; structuredContent: { frames: number } };
 *   ping: {};
 * }
 * const host = new TaskClient<Tools>();
 * ```
 */
export type ToolMap<Tools> = { readonly [Name in keyof Tools]: ToolType };

/** The default of a {@link ToolMap}: any name, any arguments, and results as the SDK types them. */
export type AnyTools = Readonly<Record<string, ToolType>>;

/** A tool's name. */
export type ToolName<Tools> = keyof Tools & string;

/** The first parameter of {@link TaskClient.callTool}. `arguments` is left out only where the tool can do without. */
export type ToolCall<Tools, Name extends ToolName<Tools>> =
  string extends ToolName<Tools>
    ? { readonly name: Name; readonly [member: string]: unknown }
    : { readonly name: Name; readonly _meta?: Readonly<Record<string, unknown>> | undefined } & ToolArguments<
        Tools[Name]
      >;

/** `arguments` of a {@link ToolCall}. */
export type ToolArguments<Tool> = Tool extends { readonly arguments: infer Given }
  ? // biome-ignore lint/complexity/noBannedTypes: whether all of its members are optional.
    {} extends Given
    ? { readonly arguments?: Given | undefined }
    : { readonly arguments: Given }
  : { readonly arguments?: Readonly<Record<string, unknown>> | undefined };

/** A schema that tells the type of what it lets through, as Standard Schema has it; those of zod do. */
export interface TypedSchema<Output> {
  /** Its description of itself. */
  readonly "~standard": {
    /** For the compiler only. */
    readonly types?: { readonly output: Output } | undefined;
  };
}

/**
 * What a call through `Client` ends with: what the SDK client's own `callTool` returns, for SDK v1 what a
 * `resultSchema` lets through, and with the tool's own `structuredContent`. That is missing where the result says
 * `isError`.
 */
export type ToolResultOf<Client, Tool = ToolType, Schema = unknown> = StructuredResult<
  Client extends { getProtocolEra: unknown }
    ? ClientResult<Client>
    : Schema extends TypedSchema<infer Output>
      ? Output
      : ClientResult<Client>,
  Tool
>;

/**
 * What a client's `callTool` resolves with. SDK v1 adds the results of 2024-10-07, which only a schema of their own
 * lets through.
 */
export type ClientResult<Client> = Client extends { callTool(...parameters: never[]): Promise<infer Result> }
  ? unknown extends Result
    ? ToolResult
    : Exclude<Result, { toolResult: unknown }>
  : ToolResult;

/** What another member of a client resolves with. */
export type MemberResult<Client, Member extends string> = Client extends {
  readonly [Name in Member]: (...parameters: never[]) => Promise<infer Result>;
}
  ? Result
  : Readonly<Record<string, unknown>>;

/** A result whose `structuredContent` has the tool's type, where that is known. */
export type StructuredResult<Result, Tool> = Tool extends { readonly structuredContent: infer Content }
  ? Result extends unknown
    ? { [Member in keyof Result as Member extends "structuredContent" ? never : Member]: Result[Member] } & {
        structuredContent?: Content | undefined;
      }
    : never
  : Result;

/** The handle of a {@link TaskClient.callTool}. */
export type ToolHandle<Client, Tools, Name extends ToolName<Tools>, Schema = unknown> = TaskHandle<
  ToolResultOf<Client, Tools[Name], Schema>,
  Name
>;
