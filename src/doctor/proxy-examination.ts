import { serverNames, type ServerName } from "../config/server-configuration.ts";
import type { OffloadBackend } from "../offload/contract.ts";
import type { Question, Reply } from "./ask.ts";
import { bystander, serverIn } from "./bystander.ts";
import type { Check, Finding } from "./check-result.ts";
import type { Examination, ExpectedTarget } from "./examination.ts";
import type { ReceivedRequest } from "./probes.ts";
import { betweenRemedy } from "./remedies/between.ts";
import type { Place, Problem } from "./remedies/problem.ts";
import { remedyFor } from "./remedies/remedy-for.ts";
import type { StreamArrival } from "./stream-probes.ts";

/** What the checks of the server in front share. */
export interface ProxyExamination {
  readonly exam: Examination;
  /** Undefined if the application sends the file itself. */
  readonly expected: ExpectedTarget | undefined;
  readonly place: Place;
  /** The field that tells of a CDN, a cache or a load balancer between the client and the server. */
  readonly bystander: string | undefined;
  /** The stream that breaks, which two checks look at. */
  readonly stream: { arrival?: Promise<StreamArrival> };
}

export type ProxyCheck = Check<ProxyExamination>;

/** Starts the examination of the server, by one request to each side. */
export async function examineFront(exam: Examination, expected: ExpectedTarget | undefined): Promise<ProxyExamination> {
  const question: Question = { path: exam.path(exam.samples.plain) };
  const [own, theirs] = await Promise.all([exam.askApp(question), exam.askProxy(question)]);
  const server = expected ? known(expected.backend.name) : serverIn(own, theirs);
  return {
    exam,
    expected,
    place: placeOf(exam, expected, server),
    bystander: bystander(own, theirs, server),
    stream: {},
  };
}

export function placeOf(
  exam: Examination,
  expected: ExpectedTarget | undefined,
  server: ServerName | undefined,
): Place {
  const { config, app, front } = exam;
  const folders = config.rules
    .filter(({ backend = config.backend }) => expected === undefined || nameOf(backend) === expected.backend.name)
    .map((rule) => folderOf(rule));
  return {
    server,
    offloads: expected !== undefined,
    location: (expected?.rule.destinationUrl ?? "").replace(/\/*$/, "/"),
    folder: expected ? folderOf(expected.rule) : "",
    folders: [...new Set(folders)].filter((folder) => folder !== ""),
    app: app.origin,
    scheme: front.protocol === "https:" ? "https" : "http",
    tlsEndsBefore: false,
  };
}

export function known(name: string): ServerName | undefined {
  return serverNames.find((server) => server === name);
}

function nameOf(backend: OffloadBackend | "none" | undefined): string | undefined {
  return backend === "none" ? undefined : backend?.name;
}

function folderOf({ destinationDir, sourceDir }: ExpectedTarget["rule"]): string {
  return (destinationDir ?? sourceDir ?? "").replace(/\/+$/, "");
}

/** What was expected, and what came back. */
export interface Difference {
  readonly expected: string;
  readonly actual: string;
}

/** A failure of the server in front. */
export function ofProxy({ place }: Pick<ProxyExamination, "place">, problem: Problem, difference: Difference): Finding {
  return { side: "proxy", ...difference, remedy: remedyFor(problem, place) };
}

/** A failure of the server, or of what stands between it and the client: if that shows itself, or if `isBetween`. */
export function ofEither(
  context: ProxyExamination,
  problem: Problem,
  difference: Difference,
  isBetween: boolean = false,
): Finding {
  const { bystander } = context;
  if (bystander === undefined && !isBetween) return ofProxy(context, problem, difference);
  return { side: "between", ...difference, remedy: betweenRemedy(problem, bystander) };
}

/**
 * Asks the application, through the server, what it received. Undefined if the query did not arrive.
 * @param more - a further part of the query, for a URL that no other check asks for
 */
export async function received(
  { exam }: ProxyExamination,
  headers: Readonly<Record<string, string>> = {},
  more: string = "",
): Promise<ReceivedRequest | undefined> {
  return receivedIn(await exam.askProxy({ path: `${exam.path(exam.samples.plain, "request")}${more}`, headers }));
}

export function receivedIn(reply: Reply): ReceivedRequest | undefined {
  try {
    const value = JSON.parse(reply.body.toString()) as ReceivedRequest;
    return typeof value.id === "string" ? value : undefined;
  } catch {
    return undefined;
  }
}
