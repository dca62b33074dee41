/**
 * `npm run api`: writes `tests/package/public-api.txt`, every public declaration by the subpath that exports it. A change
 * of the public API is a change of that file, for a reviewer to see. A type that a public declaration names and that no
 * subpath exports is an error: a caller could not name it.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
// TypeScript 7 has no interface for programs; 6 reads the same declarations.
import ts from "typescript-6";

type Target = string | { readonly default: string };

const root = fileURLToPath(new URL("..", import.meta.url));
const report = new URL("../tests/package/public-api.txt", import.meta.url);
const dist = `${root}dist/`;

/** The declaration file of each public subpath. */
function entriesOf(manifest: {
  readonly exports: Readonly<Record<string, Target>>;
}): [subpath: string, file: string][] {
  return Object.entries(manifest.exports)
    .map(([subpath, target]) => [subpath, typeof target === "string" ? target : target.default] as const)
    .filter(([, target]) => target.endsWith(".js"))
    .map(([subpath, target]) => [subpath, `${root}${target.slice(2).replace(/\.js$/, ".d.ts")}`]);
}

const entries = entriesOf(JSON.parse(readFileSync(`${root}package.json`, "utf8")));
const program = ts.createProgram(
  entries.map(([, file]) => file),
  {
    module: ts.ModuleKind.NodeNext,
    target: ts.ScriptTarget.ES2023,
    lib: ["lib.es2023.d.ts", "lib.esnext.disposable.d.ts", "lib.dom.d.ts"],
    types: ["node"],
    skipLibCheck: true,
    strict: true,
  },
);
const checker = program.getTypeChecker();
const printer = ts.createPrinter({ removeComments: true });

function exportsOf(file: string): ts.Symbol[] {
  const source = program.getSourceFile(file);
  const module = source && checker.getSymbolAtLocation(source);
  if (!module) throw new Error(`${file} is missing: run npm run build first`);
  return checker.getExportsOfModule(module).toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

function resolved(symbol: ts.Symbol): ts.Symbol {
  return symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
}

function ownDeclarations(symbol: ts.Symbol): ts.Declaration[] {
  return (symbol.declarations ?? []).filter((declaration) => declaration.getSourceFile().fileName.startsWith(dist));
}

/** Whether a type is this package's, and not one that it adds a member to. */
function isOwn(symbol: ts.Symbol): boolean {
  const all = symbol.declarations ?? [];
  return all.length > 0 && ownDeclarations(symbol).length === all.length;
}

/** Steps on the way to a computed type, and the base that a view is made of: a caller has no use for their names. */
const unnamed: ReadonlySet<string> = new Set([
  "AnyString",
  "Constructor",
  "DownloadViewBase",
  "IsAnyString",
  "Listed",
  "ReservedName",
]);

function isPrivate(node: ts.Node): boolean {
  const { name } = node as { name?: ts.Node };
  return name !== undefined && ts.isPrivateIdentifier(name);
}

/** A declaration as TypeScript prints it, without comments and private members. */
function text(declaration: ts.Declaration): string {
  const node = ts.isVariableDeclaration(declaration) ? declaration.parent.parent : declaration;
  const printed = printer.printNode(ts.EmitHint.Unspecified, node, declaration.getSourceFile());
  return printed
    .split("\n")
    .filter((line) => !/^\s*#private;$/.test(line))
    .map((line) => line.replace(/^export (declare )?/, ""))
    .join("\n");
}

const published = new Set(entries.flatMap(([, file]) => exportsOf(file).map(resolved)));

/** The names of our own types that a declaration refers to and that no subpath exports. */
function hiddenNames(declaration: ts.Declaration): string[] {
  const found: string[] = [];
  const visit = (node: ts.Node): void => {
    if (isPrivate(node)) return;
    if (ts.isTypeReferenceNode(node) || ts.isExpressionWithTypeArguments(node) || ts.isTypeQueryNode(node)) {
      const name = ts.isTypeReferenceNode(node)
        ? node.typeName
        : ts.isTypeQueryNode(node)
          ? node.exprName
          : node.expression;
      const symbol = checker.getSymbolAtLocation(name);
      const target = symbol && resolved(symbol);
      const isParameter = target && (target.flags & ts.SymbolFlags.TypeParameter) !== 0;
      if (target && !isParameter && isOwn(target) && !published.has(target) && !unnamed.has(target.name)) {
        found.push(target.name);
      }
    }
    ts.forEachChild(node, visit);
  };
  visit(declaration);
  return found;
}

const sections: string[] = [];
const hidden = new Set<string>();
for (const [subpath, file] of entries) {
  const lines = exportsOf(file).map((symbol) => {
    const declarations = ownDeclarations(resolved(symbol));
    for (const declaration of declarations) {
      for (const name of hiddenNames(declaration)) hidden.add(`${name} (named by ${symbol.name})`);
    }
    return declarations.map(text).join("\n");
  });
  sections.push(`## downloadview${subpath.slice(1)}\n\n${lines.join("\n\n")}\n`);
}

for (const name of hidden) console.error(`Not exported by any subpath: ${name}`);
const written = sections.join("\n");
if (process.argv.includes("--check")) {
  if (readFileSync(report, "utf8") !== written) {
    console.error("The public API has changed: run npm run api, and look at the difference");
    process.exitCode = 1;
  }
} else writeFileSync(report, written);
if (hidden.size > 0) process.exitCode = 1;
