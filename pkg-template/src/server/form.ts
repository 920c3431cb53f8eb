// Whether the answer to an elicitation is what was asked for: the flat schemas of primitive members that the protocol
// allows (X-INP-01). What such a schema cannot say is not looked at.
import { isObject, own, textOf } from "./facts.ts";

/** Whether `answer` answers `request`, as far as a form says. Anything but an accepted form does. */
export function fits(request: unknown, answer: unknown): boolean {
  const schema = own(own(request, "params"), "requestedSchema");
  if (own(request, "method") !== "elicitation/create" || !isObject(schema) || own(answer, "action") !== "accept") return true;
  const content = own(answer, "content") ?? {};
  if (!isObject(content)) return false;
  const required = own(schema, "required");
  if (Array.isArray(required) && required.some((name) => typeof name === "string" && !Object.hasOwn(content, name))) return false;
  const properties = own(schema, "properties");
  return Object.entries(content).every(([name, value]) => {
    const property = own(properties, name);
    return isObject(property) ? fitsProperty(property, value) : own(schema, "additionalProperties") !== false;
  });
}

function fitsProperty(schema: Record<string, unknown>, value: unknown): boolean {
  const choices = choicesOf(schema);
  switch (own(schema, "type")) {
    case "string":
      return typeof value === "string" && (choices?.includes(value) ?? true) && fitsText(schema, value);
    case "number":
    case "integer":
      return typeof value === "number" && (schema["type"] === "number" || Number.isInteger(value)) && within(schema, "minimum", value, "maximum");
    case "boolean":
      return typeof value === "boolean";
    case "array": {
      const allowed = choicesOf(own(schema, "items"));
      return Array.isArray(value) && within(schema, "minItems", value.length, "maxItems") && value.every((item) => typeof item === "string" && (allowed?.includes(item) ?? true));
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
  return Array.isArray(titled) && titled.every((choice) => isObject(choice) && Object.hasOwn(choice, "const")) ? titled.map((choice) => own(choice, "const")) : undefined;
}

function fitsText(schema: Record<string, unknown>, value: string): boolean {
  // JSON Schema counts code points.
  if (!within(schema, "minLength", [...value].length, "maxLength")) return false;
  const pattern = textOf(schema, "pattern");
  if (pattern !== undefined && !matches(pattern, value)) return false;
  switch (own(schema, "format")) {
    case "email":
      return /^[^\s@]+@[^\s@]+$/.test(value);
    case "uri":
      return URL.canParse(value);
    case "date":
      return /^\d{4}-\d{2}-\d{2}$/.test(value) && !Number.isNaN(Date.parse(value));
    case "date-time":
      return /^\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}:\d{2}(\.\d+)?([Zz]|[+-]\d{2}:\d{2})$/.test(value) && !Number.isNaN(Date.parse(value));
    default:
      return true;
  }
}

function matches(pattern: string, value: string): boolean {
  try {
    return new RegExp(pattern, "u").test(value);
  } catch {
    // A pattern that is none is the handler's mistake, not the client's.
    return true;
  }
}

function within(schema: Record<string, unknown>, least: string, value: number, most: string): boolean {
  const [low, high] = [own(schema, least), own(schema, most)];
  return !(typeof low === "number" && value < low) && !(typeof high === "number" && value > high);
}
