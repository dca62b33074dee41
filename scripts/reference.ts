/**
 * Writes docs/reference/api/, a page for each public subpath: every public symbol with its declaration and its documentation.
 * The pages are made for the site and are not kept in the repository, where the sources say the same.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
// TypeScript 7 has no interface for programs; 6 reads the same sources.
import ts from "typescript-6";
import { configHelp } from "../src/cli/config.ts";
import { demoHelp } from "../src/cli/demo.ts";
import { doctorHelp } from "../src/cli/doctor.ts";
import { keptHelp } from "../src/cli/kept.ts";
import { serveHelp } from "../src/cli/serve.ts";
import { signHelp } from "../src/cli/sign.ts";
import { verifyHelp } from "../src/cli/verify.ts";

const root = fileURLToPath(new URL("..", import.meta.url));

/** A page of the reference. */
interface ReferencePage {
  readonly subpath: string;
  /** The name of its file, without the extension. */
  readonly slug: string;
  readonly text: string;
  /** The symbols on it. */
  readonly names: readonly string[];
}

/** Makes the pages from the sources. */
function referencePages(): ReferencePage[] {
  const entries = entriesOf();
  const program = ts.createProgram(
    entries.map(([, file]) => file),
    {
      module: ts.ModuleKind.NodeNext,
      target: ts.ScriptTarget.ES2022,
      lib: ["lib.es2023.d.ts", "lib.esnext.disposable.d.ts", "lib.dom.d.ts"],
      types: ["node"],
      skipLibCheck: true,
      strict: true,
      allowImportingTsExtensions: true,
      noEmit: true,
    },
  );
  const checker = program.getTypeChecker();
  return entries.map(([subpath, file]) => {
    const symbols = exportsOf(program, checker, file);
    const sections = symbols.map((symbol) => section(checker, symbol));
    const specifier = `downloadview${subpath.slice(1)}`;
    const intro = `Everything that \`${specifier}\` exports, from its declarations. Members of a class that are inherited stand with their base.`;
    return {
      subpath,
      slug: subpath === "." ? "downloadview" : subpath.slice(2),
      text: `---\neditLink: false\n---\n\n# ${specifier}\n\n${intro}\n\n${sections.join("\n")}`,
      names: symbols.map(({ name }) => name),
    };
  });
}

function entriesOf(): [subpath: string, file: string][] {
  const manifest: { exports: Readonly<Record<string, string | { readonly default: string }>> } = JSON.parse(
    readFileSync(join(root, "package.json"), "utf8"),
  );
  return Object.entries(manifest.exports)
    .map(([subpath, target]) => [subpath, typeof target === "string" ? target : target.default] as const)
    .filter(([, target]) => target.endsWith(".js"))
    .map(([subpath, target]) => [subpath, join(root, target.replace("./dist/", "src/").replace(/\.js$/, ".ts"))]);
}

function exportsOf(program: ts.Program, checker: ts.TypeChecker, file: string): ts.Symbol[] {
  const source = program.getSourceFile(file);
  const module = source && checker.getSymbolAtLocation(source);
  if (!module) throw new Error(`${file} is missing`);
  return checker.getExportsOfModule(module).toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

const printer = ts.createPrinter({ removeComments: true });

function section(checker: ts.TypeChecker, exported: ts.Symbol): string {
  const symbol = exported.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(exported) : exported;
  const [declaration] = symbol.declarations ?? [];
  if (!declaration) return "";
  const { text, tags } = documentation(checker, symbol);
  const source = relative(root, declaration.getSourceFile().fileName);
  return [
    `## ${exported.name}`,
    text,
    tags.map((tag) => `- ${tag}`).join("\n"),
    `\`\`\`typescript\n${(symbol.declarations ?? []).map(signatureOf).join("\n")}\n\`\`\``,
    members(checker, declaration),
    examples(symbol),
    `[Source](../../../${source})`,
  ]
    .filter((part) => part !== "")
    .join("\n\n")
    .concat("\n");
}

/** The declaration without bodies, comments and what is private. */
function signatureOf(declaration: ts.Declaration): string {
  const print = (node: ts.Node): string =>
    printer
      .printNode(ts.EmitHint.Unspecified, node, declaration.getSourceFile())
      .replace(/^export /, "")
      .replace(/^default /, "");
  if (ts.isFunctionDeclaration(declaration)) return print(withoutBody(declaration));
  if (ts.isVariableDeclaration(declaration)) return `const ${declaration.name.getText()}: ${typeOf(declaration)};`;
  if (ts.isClassDeclaration(declaration)) {
    const { factory } = ts;
    const shown = declaration.members.filter(isPublic).map((member) => bodiless(member));
    return print(
      factory.updateClassDeclaration(
        declaration,
        declaration.modifiers?.filter((modifier) => modifier.kind === ts.SyntaxKind.AbstractKeyword),
        declaration.name,
        declaration.typeParameters,
        declaration.heritageClauses,
        shown,
      ),
    );
  }
  return print(declaration);
}

function typeOf(declaration: ts.VariableDeclaration): string {
  return declaration.type?.getText() ?? "unknown";
}

function withoutBody(node: ts.FunctionDeclaration): ts.Node {
  return ts.factory.updateFunctionDeclaration(
    node,
    node.modifiers?.filter(({ kind }) => kind !== ts.SyntaxKind.ExportKeyword && kind !== ts.SyntaxKind.AsyncKeyword),
    undefined,
    node.name,
    node.typeParameters,
    node.parameters,
    node.type,
    undefined,
  );
}

const hiddenModifiers: ReadonlySet<ts.SyntaxKind> = new Set([
  ts.SyntaxKind.PrivateKeyword,
  ts.SyntaxKind.ProtectedKeyword,
]);

function isPublic(member: ts.ClassElement): boolean {
  if (ts.isClassStaticBlockDeclaration(member)) return false;
  if (member.name && ts.isPrivateIdentifier(member.name)) return false;
  if (ts.getJSDocTags(member).some(({ tagName }) => tagName.text === "internal")) return false;
  return !(ts.canHaveModifiers(member) && ts.getModifiers(member)?.some(({ kind }) => hiddenModifiers.has(kind)));
}

function bodiless(member: ts.ClassElement): ts.ClassElement {
  const { factory } = ts;
  const modifiers = (ts.canHaveModifiers(member) ? ts.getModifiers(member) : undefined)?.filter(
    ({ kind }) => kind !== ts.SyntaxKind.AsyncKeyword && kind !== ts.SyntaxKind.OverrideKeyword,
  );
  if (ts.isMethodDeclaration(member)) {
    const { name, questionToken, typeParameters, parameters, type } = member;
    return factory.createMethodDeclaration(
      modifiers,
      undefined,
      name,
      questionToken,
      typeParameters,
      parameters,
      type,
      undefined,
    );
  }
  if (ts.isConstructorDeclaration(member)) {
    return factory.createConstructorDeclaration(modifiers, member.parameters, undefined);
  }
  if (ts.isGetAccessorDeclaration(member)) {
    return factory.createGetAccessorDeclaration(modifiers, member.name, member.parameters, member.type, undefined);
  }
  if (ts.isSetAccessorDeclaration(member)) {
    return factory.createSetAccessorDeclaration(modifiers, member.name, member.parameters, undefined);
  }
  if (ts.isPropertyDeclaration(member)) {
    const initializer = member.type ? undefined : member.initializer;
    return factory.createPropertyDeclaration(
      modifiers,
      member.name,
      member.questionToken ?? member.exclamationToken,
      member.type,
      initializer,
    );
  }
  return member;
}

/** What a symbol does, and its parameters, result and errors. */
function documentation(checker: ts.TypeChecker, symbol: ts.Symbol): { readonly text: string; readonly tags: string[] } {
  const text = plain(ts.displayPartsToString(symbol.getDocumentationComment(checker)));
  const tags = symbol.getJsDocTags(checker).flatMap(({ name, text: parts }) => {
    const said = plain(ts.displayPartsToString(parts)).replaceAll("\n", " ");
    if (name === "param") return said.includes(" ") ? [`\`${said.replace(" ", "`: ").replace(/: - /, ": ")}`] : [];
    if (name === "returns") return [`**Returns** ${said}`];
    if (name === "throws") return [`**Throws** ${said.replace(/^\{([^}]*)\}/, "`$1`")}`];
    return [];
  });
  return { text, tags };
}

/** The documented members of an interface or a class. */
function members(checker: ts.TypeChecker, declaration: ts.Declaration): string {
  if (!ts.isInterfaceDeclaration(declaration) && !ts.isClassDeclaration(declaration)) return "";
  const list: readonly (ts.ClassElement | ts.TypeElement)[] = declaration.members;
  const rows = list.flatMap((member) => {
    if (!member.name || (ts.isClassElement(member) && !isPublic(member))) return [];
    const symbol = checker.getSymbolAtLocation(member.name);
    const { text, tags } = symbol ? documentation(checker, symbol) : { text: "", tags: [] };
    const said = [text, ...tags].filter(Boolean).join(" ").replaceAll(/\n+/g, " ");
    return said === "" || member.name.getText() === "toJSON"
      ? []
      : [`| \`${member.name.getText()}\` | ${said.replaceAll("|", "\\|")} |`];
  });
  return rows.length === 0 ? "" : ["| Member | Meaning |", "| --- | --- |", ...rows].join("\n");
}

function examples(symbol: ts.Symbol): string {
  return symbol
    .getJsDocTags()
    .filter(({ name }) => name === "example")
    .map(({ text }) => ts.displayPartsToString(text).replaceAll(/^```ts\b.*$/gm, "```typescript"))
    .join("\n\n");
}

/** Links of TSDoc as plain names; what HTML would take for a tag outside of code is escaped. */
function plain(text: string): string {
  const linked = text.replaceAll(/\{@link\s+([^\s|}]+)(?:\s*\|\s*([^}]*))?\}/g, (_, name: string, said?: string) =>
    said ? said : `\`${name}\``,
  );
  return linked.replaceAll(
    /(`[^`]*`)|[<>]|\{\{/g,
    (found, code?: string) => code ?? (found === "<" ? "&lt;" : found === ">" ? "&gt;" : "&#123;&#123;"),
  );
}

/** Brings docs/reference/api up to date. What is unchanged stays untouched, so that others may read it meanwhile. */
export function writeReference(): void {
  const folder = join(root, "docs/reference/api");
  mkdirSync(folder, { recursive: true });
  const pages = referencePages();
  const files = new Map(pages.map(({ slug, text }) => [`${slug}.md`, text]));
  files.set("index.md", indexOf(pages));
  files.set("command-line.md", commandLine());
  for (const name of readdirSync(folder)) if (!files.has(name)) rmSync(join(folder, name));
  for (const [name, text] of files) {
    const path = join(folder, name);
    if (!existsSync(path) || readFileSync(path, "utf8") !== text) writeFileSync(path, text);
  }
}

function indexOf(pages: readonly ReferencePage[]): string {
  const rows = pages.map(({ slug, names, subpath }) => {
    const shown = names.slice(0, 6).map((name) => `\`${name}\``);
    const more = names.length > 6 ? `, and ${names.length - 6} more` : "";
    return `| [\`downloadview${subpath.slice(1)}\`](${slug}.md) | ${shown.join(", ")}${more} |`;
  });
  return [
    "---\neditLink: false\n---\n\n# API\n",
    "Every public symbol, by the subpath that exports it. The pages are made from the declarations and their comments.\n",
    "| Subpath | Exports |\n| --- | --- |",
    ...rows,
    "",
  ].join("\n");
}

const commands = {
  serve: serveHelp,
  demo: demoHelp,
  config: configHelp,
  doctor: doctorHelp,
  sign: signHelp,
  verify: verifyHelp,
  kept: keptHelp,
};

function commandLine(): string {
  const intro = "`npx downloadview` has these commands. Without one it prints this help, with `--version` its version.";
  const sections = Object.entries(commands).map(
    ([name, help]) => `## ${name}\n\n\`\`\`text\n${help.trimEnd()}\n\`\`\`\n`,
  );
  return `---\neditLink: false\n---\n\n# Command line\n\n${intro}\n\n${sections.join("\n")}`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) writeReference();
