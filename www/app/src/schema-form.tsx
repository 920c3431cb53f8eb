// A form made from a JSON Schema, loaded when one is needed. Ajv, which the form library comes with, makes code at run
// time; a strict policy forbids that, so another validator takes its place.
import { Validator } from "@cfworker/json-schema";
import Form from "@rjsf/core/lib/components/Form.js";
import type { RJSFSchema, RJSFValidationError, ValidationData, ValidatorType } from "@rjsf/utils";
import type { ReactNode } from "react";
import { Button } from "react-aria-components";

const check = (
  schema: unknown,
  value: unknown,
): { valid: boolean; errors: { instanceLocation: string; error: string }[] } => {
  try {
    return new Validator(schema as never, "2020-12", false).validate(value);
  } catch {
    // A schema that cannot be used refuses nothing: the server looks at what is sent.
    return { valid: true, errors: [] };
  }
};

const validator: ValidatorType = {
  validateFormData(value, schema): ValidationData<unknown> {
    const found: RJSFValidationError[] = check(schema, value).errors.map(({ instanceLocation, error }) => ({
      property: instanceLocation.replace(/^#\/?/, ".").replaceAll("/", "."),
      message: error,
      stack: error,
    }));
    const errorSchema: Record<string, unknown> = {};
    for (const { property, message } of found) {
      let at = errorSchema as Record<string, Record<string, unknown>>;
      for (const name of (property ?? "").split(".").filter(Boolean)) at = (at[name] ??= {}) as typeof at;
      ((at as { __errors?: string[] }).__errors ??= []).push(message ?? "");
    }
    return { errors: found, errorSchema: errorSchema as never };
  },
  isValid: (schema, value) => check(schema, value).valid,
  rawValidation: (schema, value) => ({ errors: check(schema, value).errors as never }),
};

export default function SchemaForm({
  schema,
  submit,
  onSubmit,
  children,
}: {
  readonly schema: unknown;
  readonly submit: string;
  readonly onSubmit: (values: Readonly<Record<string, unknown>>) => void;
  readonly children?: ReactNode;
}): ReactNode {
  const usable = typeof schema === "object" && schema !== null ? (schema as RJSFSchema) : { type: "object" as const };
  return (
    <Form
      className="form"
      schema={{ ...usable, $schema: undefined } as RJSFSchema}
      validator={validator}
      showErrorList={false}
      noHtml5Validate
      onSubmit={({ formData }) => onSubmit((formData ?? {}) as Readonly<Record<string, unknown>>)}
    >
      <div className="actions">
        <Button type="submit" className="main">
          {submit}
        </Button>
        {children}
      </div>
    </Form>
  );
}
