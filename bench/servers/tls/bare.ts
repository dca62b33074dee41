import { createServer } from "node:https";
import { certificate } from "../../harness/certificate.ts";
import { listen, type StartServer } from "../../harness/running-server.ts";
import { downloadFields } from "../files/bare-same-head.ts";
import { bareHandler } from "../files/bare.ts";

export const start: StartServer = (root) => listen(createServer(certificate(), bareHandler(root, downloadFields)));
