// Reads workflow files and evaluates their expressions with GitHub's own packages: a JSON request a line, an answer
// a line. Where GitHub takes a name that is not there for an empty string, this is an error, unless the mapping that
// lacks it has the key "$lenient".
import { register } from "node:module";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

// The package imports JSON without the attribute that Node asks for.
const hook = `
  import { readFile } from "node:fs/promises";
  export async function load(url, context, next) {
    if (!url.endsWith(".json")) return next(url, context);
    const source = "export default " + (await readFile(new URL(url), "utf8"));
    return { format: "module", shortCircuit: true, source };
  }`;
register("data:text/javascript," + encodeURIComponent(hook));

const base = pathToFileURL(`${process.argv[2]}/node_modules/@actions/`);
const { data, Evaluator, Lexer, Parser } = await import(new URL("expressions/dist/index.js", base));
const parser = await import(new URL("workflow-parser/dist/index.js", base));
const { parseAction } = await import(new URL("workflow-parser/dist/actions/action-parser.js", base));

const CONTEXTS = ["env", "github", "inputs", "job", "jobs", "matrix", "needs", "runner", "secrets", "steps", "strategy", "vars"];
const STATUS = ["success", "failure", "always", "cancelled"];
const FUNCTIONS = [
  ...STATUS.map((name) => ({ name, minArgs: 0, maxArgs: 0 })),
  { name: "hashFiles", minArgs: 1, maxArgs: 255 },
];

class Strict extends data.Dictionary {
  constructor(path, lenient) {
    super();
    this.path = path;
    this.lenient = lenient;
  }

  get(key) {
    const found = super.get(key);
    if (found === undefined && !this.lenient) {
      throw new Error(`${this.path || "this place"} has no ${key} (it has: ${this.keys.join(", ") || "nothing"})`);
    }
    return found;
  }
}

function strict(value, path) {
  if (Array.isArray(value)) return new data.Array(...value.map((one, index) => strict(one, `${path}[${index}]`)));
  if (value === null || typeof value !== "object") return JSON.parse(JSON.stringify(value), data.reviver);
  const made = new Strict(path, "$lenient" in value);
  for (const [key, one] of Object.entries(value)) {
    if (key !== "$lenient") made.add(key, strict(one, path ? `${path}.${key}` : key));
  }
  return made;
}

class Ask extends Error {
  constructor(words) {
    super();
    this.words = words;
  }
}

function functions({ status, answers }) {
  const known = STATUS.map((name) => [name, { call: () => new data.BooleanData(status[name]) }]);
  const hashFiles = (...args) => {
    const words = args.map((one) => one.coerceString());
    const answer = answers[JSON.stringify(words)];
    if (answer === undefined) throw new Ask(words);
    return new data.StringData(answer);
  };
  const fromJson = (text) => strict(JSON.parse(text.coerceString()), "the result of fromJSON");
  return new Map([...known, ["hashfiles", { call: hashFiles }], ["fromjson", { call: fromJson }]]);
}

function parsed(expression) {
  return new Parser(new Lexer(expression).lex().tokens, CONTEXTS, FUNCTIONS).parse();
}

// What an expression names: paths from a context down, and functions.
function references(node) {
  const paths = [];
  const called = [];
  const path = (one) => {
    if (one.name) return [one.name.lexeme];
    const above = one.expr && one.index !== undefined ? path(one.expr) : undefined;
    const key = one.index?.literal;
    return above && key?.kind === data.Kind.String ? [...above, key.coerceString()] : undefined;
  };
  const visit = (one) => {
    const found = path(one);
    if (found) return void paths.push(found);
    if (one.functionName) called.push(one.functionName.lexeme.toLowerCase());
    for (const part of [one.expr, one.index, one.left, one.right, one.group, ...(one.args ?? [])]) {
      if (part?.accept) visit(part);
    }
  };
  visit(node);
  return { paths, called };
}

function plain(token) {
  const line = token.range?.start.line ?? 0;
  const { map, seq } = token.toJSON?.() ?? {};
  if (map) return { line, map: map.map(({ Key, Value }) => [Key.toString(), plain(Value)]) };
  if (seq) return { line, seq: seq.map(plain) };
  if (token.expression !== undefined) return { line, expression: token.expression };
  return { line, value: token.value ?? null };
}

const OPERATIONS = {
  async workflow({ name, content }) {
    const result = parser.parseWorkflow({ name, content }, new parser.NoOperationTraceWriter());
    if (result.value) await parser.convertWorkflowTemplate(result.context, result.value);
    return read(result);
  },

  async action({ name, content }) {
    return read(parseAction({ name, content }, new parser.NoOperationTraceWriter()));
  },

  async references({ expression }) {
    return references(parsed(expression));
  },

  async evaluate(request) {
    const contexts = strict(request.contexts, "");
    const result = new Evaluator(parsed(request.expression), contexts, functions(request)).evaluate();
    return { value: JSON.parse(JSON.stringify(result ?? null, data.replacer)), text: result?.coerceString() ?? "" };
  },
};

function read({ context, value }) {
  const errors = context.errors.getErrors().map((one) => ({ line: one.range?.start.line ?? 0, said: one.rawMessage }));
  return { errors, tree: value && errors.length === 0 ? plain(value) : null };
}

for await (const line of createInterface({ input: process.stdin })) {
  const request = JSON.parse(line);
  let answer;
  try {
    answer = await OPERATIONS[request.operation](request);
  } catch (error) {
    answer = error instanceof Ask ? { ask: error.words } : { error: error.message };
  }
  process.stdout.write(JSON.stringify(answer) + "\n");
}
