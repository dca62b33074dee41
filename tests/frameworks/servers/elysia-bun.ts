import { elysiaApplication } from "../elysia.ts";
import { announce } from "../server.ts";

elysiaApplication().listen({ port: 0, hostname: "127.0.0.1" }, ({ port }) => announce(port ?? 0));
