import { randomUUID } from "node:crypto";
import type { DownloadRequest } from "downloadview";
import type { RequestHandler, Response } from "express";

/** Who can sign in. A demo has no passwords: a real application asks its session. */
export const users = { ada: "Ada", grace: "Grace" } as const;

export type User = keyof typeof users;

type WithCookies = Pick<DownloadRequest, "headers">;

/** Who asks. Undefined for a visitor who is not signed in. */
export function userOf(request: WithCookies): User | undefined {
  const name = cookieOf(request, "user");
  return name !== undefined && Object.hasOwn(users, name) ? (name as User) : undefined;
}

/** The browser that asks. Only this browser is shown its requests. Undefined for a client without cookies. */
export function visitorOf(request: WithCookies): string | undefined {
  return cookieOf(request, "visitor");
}

/** Headers of Node's as the views have them, so that one function reads both. */
export function withCookies(headers: { readonly cookie?: string | undefined }): WithCookies {
  return { headers: { get: (name) => (name.toLowerCase() === "cookie" ? (headers.cookie ?? null) : null) } };
}

const strict = "; Path=/; HttpOnly; SameSite=Strict";

export function giveVisitorCookie(request: WithCookies, response: Response): void {
  if (visitorOf(request) === undefined) response.append("Set-Cookie", `visitor=${randomUUID()}${strict}`);
}

/** Signs in as the user that the form names, or out. */
export const changeUser: RequestHandler = (request, response) => {
  const user = userOf(withCookies({ cookie: `user=${String(request.body?.user ?? "")}` }));
  const cookie = user === undefined ? `user=; Max-Age=0${strict}` : `user=${user}${strict}`;
  response.append("Set-Cookie", cookie).redirect(303, "/");
};

function cookieOf({ headers }: WithCookies, name: string): string | undefined {
  const cookies = (headers.get("cookie") ?? "").split(/;\s*/);
  return cookies.find((cookie) => cookie.startsWith(`${name}=`))?.slice(name.length + 1) || undefined;
}
