/** What the example uses of Bun's own module; a project for Bun has `@types/bun`. */
declare module "bun:sqlite" {
  export class Database {
    constructor(file: string);
    exec(sql: string): void;
    prepare(sql: string): import("mcp-longhaul/stores/sqlite").SqliteStatement;
  }
}
