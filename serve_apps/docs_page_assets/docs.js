// Renders /openapi.json. Text only ever enters the page as text nodes.
const METHODS = ["get", "post", "put", "patch", "delete"];

function make(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children.filter((child) => child !== null));
  return node;
}

function shape(schema, all, depth = 0) {
  if (!schema) return null;
  if (schema.$ref) return shape(all[schema.$ref.split("/").pop()], all, depth);
  const any = schema.anyOf ?? schema.oneOf;
  if (any) {
    const parts = any.map((part) => shape(part, all, depth)).filter((part) => part !== "null");
    return parts.length === 1 ? parts[0] : parts;
  }
  if (schema.enum) return schema.enum.join(" | ");
  if (schema.type === "array") return [shape(schema.items, all, depth + 1)];
  if (schema.properties && depth < 5) {
    return Object.fromEntries(
      Object.entries(schema.properties).map(([name, part]) => [name, shape(part, all, depth + 1)]),
    );
  }
  return schema.format ? `${schema.type} (${schema.format})` : schema.type ?? "any";
}

function bodyOf(content, all, title) {
  if (!content) return null;
  const block = make("div", {}, make("h4", {}, title));
  for (const [type, { schema, example }] of Object.entries(content)) {
    const text = example !== undefined ? example : shape(schema, all);
    const shown = typeof text === "string" ? text : JSON.stringify(text, null, 2);
    block.append(make("p", {}, make("code", {}, type)));
    if (shown) block.append(make("pre", {}, shown));
  }
  return block;
}

function parametersOf(operation) {
  const rows = (operation.parameters ?? []).map((parameter) =>
    make("tr", {},
      make("td", {}, make("code", {}, parameter.name), parameter.required ? " *" : ""),
      make("td", {}, parameter.in),
      make("td", {}, shape(parameter.schema, {}) + ""),
      make("td", {}, parameter.description ?? parameter.schema?.description ?? "")));
  return rows.length ? make("table", {}, ...rows) : null;
}

function render(path, method, operation, all) {
  const answers = Object.entries(operation.responses ?? {}).filter(([status]) => status.startsWith("2"));
  return make("details", { id: operation.operationId },
    make("summary", {}, make("span", { class: `method ${method}` }, method.toUpperCase()), " ",
      make("code", {}, path), ` ${operation.summary ?? ""}`),
    make("p", {}, operation.description ?? ""),
    parametersOf(operation),
    bodyOf(operation.requestBody?.content, all, "Body"),
    ...answers.map(([status, answer]) => bodyOf(answer.content, all, `Answer ${status}`)));
}

const description = await (await fetch("/openapi.json")).json();
const schemas = description.components?.schemas ?? {};
const families = new Map();
for (const [path, operations] of Object.entries(description.paths)) {
  for (const method of METHODS.filter((name) => operations[name])) {
    const operation = operations[method];
    const tag = operation.tags?.[0] ?? "other";
    if (!families.has(tag)) families.set(tag, make("section", {}, make("h2", {}, tag)));
    families.get(tag).append(render(path, method, operation, schemas));
  }
}
document.querySelector("#families").append(...families.values());
document.querySelector("#about").textContent = `${description.info.description} Version ${description.info.version}.`;
document.querySelector("#find").addEventListener("input", ({ target }) => {
  for (const item of document.querySelectorAll("details")) {
    item.hidden = !item.textContent.toLowerCase().includes(target.value.toLowerCase());
  }
});
