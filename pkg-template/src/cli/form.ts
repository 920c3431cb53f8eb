// Forms: the fields of an elicitation's schema, and values for them, from text or from JSON.
import { line } from "./text.ts";

type Json = Readonly<Record<string, unknown>>;

/** One field of a form. Its texts are the server's own. */
export interface Field {
  readonly name: string;
  readonly title: string;
  readonly description: string | undefined;
  readonly required: boolean;
  readonly kind: "text" | "number" | "integer" | "boolean" | "choice" | "choices" | "json";
  /** Of a choice. */
  readonly options: readonly { readonly value: string; readonly label: string }[];
  readonly preset: unknown;
  readonly schema: Json;
}

/** A value, or what is wrong with it. */
export type Reading = { readonly value: unknown } | { readonly fault: string };

/** A form with more fields, or with more to choose from in one of them, is not shown. */
const MOST_FIELDS = 64;
const MOST_OPTIONS = 200;

const isJson = (value: unknown): value is Json => typeof value === "object" && value !== null && !Array.isArray(value);
const textOf = (value: unknown): string | undefined => (typeof value === "string" ? value : undefined);

/** The fields of a form; `undefined` where it is none that can be shown. */
export function fieldsOf(schema: unknown): readonly Field[] | undefined {
  const properties = isJson(schema) ? schema["properties"] : undefined;
  if (!isJson(properties)) return undefined;
  const required = isJson(schema) && Array.isArray(schema["required"]) ? schema["required"] : [];
  const entries = Object.entries(properties);
  if (entries.length > MOST_FIELDS) return undefined;
  const fields = entries.map(([name, of]) => fieldOf(name, isJson(of) ? of : {}, required.includes(name)));
  return fields.every(({ options }) => options.length <= MOST_OPTIONS) ? fields : undefined;
}

function fieldOf(name: string, schema: Json, required: boolean): Field {
  const choices = optionsOf(schema);
  const several = optionsOf(isJson(schema["items"]) ? schema["items"] : {});
  const plain: Readonly<Record<string, Field["kind"]>> = {
    string: "text",
    number: "number",
    integer: "integer",
    boolean: "boolean",
  };
  const type = textOf(schema["type"]) ?? "";
  let kind: Field["kind"] = Object.hasOwn(plain, type) ? (plain[type] as Field["kind"]) : "json";
  if (type === "array" && several.length > 0) kind = "choices";
  else if (choices.length > 0) kind = "choice";
  const options = kind === "choices" ? several : choices;
  return {
    name,
    title: textOf(schema["title"]) ?? name,
    description: textOf(schema["description"]),
    required,
    kind,
    options,
    preset: schema["default"],
    schema,
  };
}

/** What a schema lets choose among: `enum` (with `enumNames`), or `oneOf` and `anyOf` of constants with titles. */
function optionsOf(schema: Json): Field["options"] {
  const { enum: values, enumNames: names, oneOf, anyOf } = schema as Record<string, unknown>;
  if (Array.isArray(values)) {
    return values
      .filter((value) => typeof value === "string")
      .map((value, index) => ({ value, label: textOf(Array.isArray(names) ? names[index] : undefined) ?? value }));
  }
  const titled = [oneOf, anyOf].find((list) => Array.isArray(list)) as unknown[] | undefined;
  return (titled ?? []).flatMap((of) => {
    const value = isJson(of) ? textOf(of["const"]) : undefined;
    return value === undefined ? [] : [{ value, label: (isJson(of) && textOf(of["title"])) || value }];
  });
}

/** What somebody typed for a field. Nothing typed is its preset, or nothing. */
export function typed(field: Field, text: string): Reading {
  const said = text.trim();
  if (said === "") {
    if (field.preset !== undefined) return { value: field.preset };
    return field.required ? { fault: "this one is needed" } : { value: undefined };
  }
  switch (field.kind) {
    case "text":
      return checked(field, text);
    case "number":
    case "integer":
      return checked(field, Number(said));
    case "boolean":
      if (/^(y|yes|true|1)$/i.test(said)) return { value: true };
      return /^(n|no|false|0)$/i.test(said) ? { value: false } : { fault: "yes or no" };
    case "choice":
      return checked(field, chosen(field, said));
    case "choices":
      return checked(
        field,
        said.split(",").map((part) => chosen(field, part.trim())),
      );
    default:
      return fromJson(field, said);
  }
}

/** By its number, or as it is. */
function chosen(field: Field, said: string): string {
  const byName = field.options.find(({ value, label }) => value === said || label === said);
  return (byName ?? field.options[Number(said) - 1])?.value ?? said;
}

/** What a script says for a field: JSON, or the text itself where a text is wanted. */
export function fromJson(field: Field, text: string): Reading {
  let value: unknown = text;
  try {
    value = JSON.parse(text);
  } catch {
    if (field.kind !== "text" && field.kind !== "choice") return { fault: `${line(text, 40)} is no JSON` };
  }
  const wantsText = field.kind === "text" || field.kind === "choice";
  return checked(field, wantsText && typeof value !== "string" ? text : value);
}

/** What can be told here; everything else the server checks, which asks again. */
function checked(field: Field, value: unknown): Reading {
  const { schema } = field;
  const limit = (name: string, otherwise: number): number =>
    typeof schema[name] === "number" ? (schema[name] as number) : otherwise;
  if (field.kind === "text") {
    const length = [...String(value)].length;
    const [shortest, longest] = [limit("minLength", 0), limit("maxLength", Number.POSITIVE_INFINITY)];
    if (length < shortest) return { fault: `at least ${shortest} characters` };
    if (length > longest) return { fault: `at most ${longest} characters` };
  } else if (field.kind === "number" || field.kind === "integer") {
    const [least, most] = [limit("minimum", Number.NEGATIVE_INFINITY), limit("maximum", Number.POSITIVE_INFINITY)];
    if (typeof value !== "number" || !Number.isFinite(value)) return { fault: "a number" };
    if (field.kind === "integer" && !Number.isInteger(value)) return { fault: "a whole number" };
    if (value < least) return { fault: `${least} or more` };
    if (value > most) return { fault: `${most} or less` };
  } else if (field.kind === "boolean") {
    if (typeof value !== "boolean") return { fault: "true or false" };
  } else if (field.kind === "choice" || field.kind === "choices") {
    const values = field.kind === "choice" ? [value] : value;
    const known = (one: unknown): boolean => field.options.some((option) => option.value === one);
    if (!Array.isArray(values) || !values.every(known))
      return { fault: `one of ${field.options.map((option) => line(option.value, 40)).join(", ")}` };
  }
  return { value };
}
