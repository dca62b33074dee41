import { renderToString } from "react-dom/server";
import { ServerRouter, type EntryContext } from "react-router";

export default function handleRequest(
  request: Request,
  status: number,
  headers: Headers,
  context: EntryContext,
): Response {
  headers.set("Content-Type", "text/html");
  return new Response(renderToString(<ServerRouter context={context} url={request.url} />), { status, headers });
}

export const handleError = (): void => undefined;
