// Whether the answer to an elicitation is what was asked for: the flat schemas of primitive members that the protocol
// allows (X-INP-01). What such a schema cannot say is not looked at.
import { isObject, own, textOf } from "../json.ts";
import { matches } from "./pattern.ts";

/** What of `answer` does not answer `request`, as far as a form says: a sentence; `undefined` where all of it does. */
export function misfitOf(request: unknown, answer: unknown): string | undefined {
  const schema = own(own(request, "params"), "requestedSchema");
  if (own(request, "method") !== "elicitation/create" || !isObject(schema)) return undefined;
  // Anything but an accepted form does.
  if (own(answer, "action") !== "accept") return undefined;
  const content = own(answer, "content") ?? {};
  if (!isObject(content)) return "its `content` is no object";
  const required = own(schema, "required");
  const isMissing = (name: unknown): boolean => typeof name === "string" && !Object.hasOwn(content, name);
  const missing = Array.isArray(required) ? required.find(isMissing) : undefined;
  if (missing !== undefined) return `the field ${named(missing)} is missing`;
  const properties = own(schema, "properties");
  for (const [name, value] of Object.entries(content)) {
    const property = own(properties, name);
    if (isObject(property) ? fitsProperty(property, value) : own(schema, "additionalProperties") !== false) continue;
    return isObject(property)
      ? `the field ${named(name)} is not what its schema asks for (an optional field can be left out)`
      : `the form has no field ${named(name)}`;
  }
  return undefined;
}

/** A name in an error's text: as JSON, and not too long. */
export function named(name: string): string {
  return JSON.stringify(name.length > LONGEST_NAME ? `${name.slice(0, LONGEST_NAME)}…` : name);
}
const LONGEST_NAME = 100;

function fitsProperty(schema: Record<string, unknown>, value: unknown): boolean {
  const choices = choicesOf(schema);
  switch (own(schema, "type")) {
    case "string":
      return typeof value === "string" && (choices?.includes(value) ?? true) && fitsText(schema, value);
    case "number":
    case "integer":
      return (
        typeof value === "number" &&
        (schema["type"] === "number" || Number.isInteger(value)) &&
        isBetween(schema, "minimum", value, "maximum")
      );
    case "boolean":
      return typeof value === "boolean";
    case "array": {
      const allowed = choicesOf(own(schema, "items"));
      return (
        Array.isArray(value) &&
        isBetween(schema, "minItems", value.length, "maxItems") &&
        value.every((item) => typeof item === "string" && (allowed?.includes(item) ?? true))
      );
    }
    default:
      return choices?.includes(value) ?? true;
  }
}

/** The values that a choice allows: `enum`, or titled ones under `oneOf` or `anyOf`. */
function choicesOf(schema: unknown): unknown[] | undefined {
  const listed = own(schema, "enum");
  if (Array.isArray(listed)) return listed;
  const titled = own(schema, "oneOf") ?? own(schema, "anyOf");
  return Array.isArray(titled) && titled.every((choice) => isObject(choice) && Object.hasOwn(choice, "const"))
    ? titled.map((choice) => own(choice, "const"))
    : undefined;
}

function fitsText(schema: Record<string, unknown>, value: string): boolean {
  // JSON Schema counts code points.
  if (!isBetween(schema, "minLength", lengthOf(value), "maxLength")) return false;
  const pattern = textOf(schema, "pattern");
  // What cannot be told of a pattern is the handler's to look at.
  if (pattern !== undefined && matches(pattern, value) === false) return false;
  switch (own(schema, "format")) {
    case "email":
      return /^[^\s@]+@[^\s@]+$/.test(value);
    case "uri":
      return URL.canParse(value);
    case "date":
      return /^\d{4}-\d{2}-\d{2}$/.test(value) && !Number.isNaN(Date.parse(value));
    case "date-time":
      return (
        /^\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}:\d{2}(\.\d+)?([Zz]|[+-]\d{2}:\d{2})$/.test(value) &&
        !Number.isNaN(Date.parse(value))
      );
    default:
      return true;
  }
}

/** The length in code points. */
function lengthOf(text: string): number {
  let length = 0;
  for (const _point of text) length++;
  return length;
}

function isBetween(schema: Record<string, unknown>, least: string, value: number, most: string): boolean {
  const [low, high] = [own(schema, least), own(schema, most)];
  return !(typeof low === "number" && value < low) && !(typeof high === "number" && value > high);
}
