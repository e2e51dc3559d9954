// docs/TESTING.md and docs/FIELDS.md name tests; each must be there, and every field of the API must have one.
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { it } from "node:test";
import { fileURLToPath } from "node:url";

const path = (name) => fileURLToPath(new URL(`../${name}`, import.meta.url));
const read = (name) => readFileSync(path(name), "utf8");

// The rows of the tables of one section, without their heads, as cells.
const table = (document, section) =>
  ((document.split(`## ${section}\n`)[1] ?? "").split("\n## ")[0].match(/^\|.*\|$/gm) ?? [])
    .map((line) => line.slice(1, -1).split("|").map((cell) => cell.trim()))
    .filter(([first]) => !/^-*$/.test(first))
    .filter(([first]) => !["case", "answer", "page"].includes(first));

// `file` `test`, `test`; `file` "words of a test"
const named = (row) => {
  let file;
  const tests = [];
  for (const [, code, words] of row.at(-1).matchAll(/`([^`]+)`|"([^"]+)"/g)) {
    if (code?.includes("/")) file = code;
    else tests.push({ row, file, test: code ?? words });
  }
  return tests;
};

const assertTests = (row) => {
  assert.ok(named(row).length > 0, `no test: ${row.join(" | ")}`);
  for (const { file, test } of named(row)) {
    assert.ok(file && existsSync(path(file)), `no file: ${row.join(" | ")}`);
    const source = read(file);
    const found = /^[a-z_0-9]+$/.test(test) ? source.includes(`fn ${test}(`) : source.includes(`"${test}"`);
    assert.ok(found, `${file} has no ${test}`);
  }
};

const cases = table(read("docs/TESTING.md"), "The original's acceptance cases");

it("every acceptance case of the original has a test", () => {
  assert.ok(cases.length > 40, `only ${cases.length} rows`);
  cases.forEach(assertTests);
});

const api = JSON.parse(read("web/openapi.json"));
const fieldsDoc = read("docs/FIELDS.md");
const answers = table(fieldsDoc, "The API's answers");
const pages = table(fieldsDoc, "The pages");

// Every schema that an answer refers to, with its own fields; those of a schema within it are that one's.
const schemas = () => {
  const found = new Map();
  const walk = (node) => {
    if (node === null || typeof node !== "object") return;
    if (typeof node.$ref === "string") {
      const name = node.$ref.split("/").at(-1);
      if (found.has(name)) return;
      const schema = api.components.schemas[name];
      found.set(name, ownFields(schema));
      walk(schema);
    }
    Object.values(node).forEach(walk);
  };
  for (const methods of Object.values(api.paths))
    for (const { responses } of Object.values(methods)) walk(responses ?? {});
  return found;
};
const ownFields = (schema) => [
  ...Object.keys(schema.properties ?? {}),
  ...[schema.allOf, schema.oneOf, schema.anyOf].flatMap((parts) => (parts ?? []).flatMap(ownFields)),
];

it("every field of every answer has a cause and a test against real processes", () => {
  const rows = answers.map(([schema, fields, ...rest]) => ({
    schema: schema.replaceAll("`", ""),
    fields: [...fields.matchAll(/`([^`]+)`/g)].map(([, field]) => field),
    row: [schema, fields, ...rest],
  }));
  const missing = [];
  for (const [schema, fields] of schemas())
    for (const field of new Set(fields))
      if (!rows.some((row) => row.schema === schema && row.fields.includes(field))) missing.push(`${schema}.${field}`);
  assert.deepEqual(missing, []);
  const known = schemas();
  const gone = rows
    .filter(({ schema }) => !schema.includes(" "))
    .flatMap(({ schema, fields }) => fields.filter((field) => !known.get(schema)?.includes(field)).map((field) => `${schema}.${field}`));
  assert.deepEqual(gone, [], "fields of the list that no answer has");
  for (const { row, fields } of rows) {
    assertTests(row);
    const sources = named(row).map(({ file }) => read(file)).join("\n");
    for (const field of fields)
      assert.ok(new RegExp(`\\b${field}\\b`).test(sources), `the tests of ${row[0]} do not look at ${field}`);
    for (const { file } of named(row)) assert.match(file, /^e2e\//, `not against real processes: ${row.join(" | ")}`);
  }
});

it("whatever a page shows has a cause and a test in a browser", () => {
  const routes = [...new Set(pages.map(([page]) => page))];
  for (const page of ["Everywhere", "Login", "Dashboard", "Mappings", "Mapping", "Requests", "Connections", "Gateway Logs", "Agent Logs", "Request Inspector", "Caddy Configuration", "Settings", "Import/Export", "Update"])
    assert.ok(routes.includes(page), `nothing of ${page}`);
  for (const row of pages) {
    assertTests(row);
    for (const { file } of named(row)) assert.match(file, /^e2e\/browser\//, `not in a browser: ${row.join(" | ")}`);
  }
});
