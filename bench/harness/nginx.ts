import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { mkdtemp, writeFile } from "node:fs/promises";
import { connect, createServer } from "node:net";
import { once } from "node:events";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { Usage } from "./protocol.ts";
import {
  descriptorsOf,
  portOf,
  type RunningServer,
  type StartServer,
  sumOfUsages,
  usageOfThisProcess,
} from "./running-server.ts";

/** One worker, as there is one core, and no log. `configure` gives what goes into `http { }`. */
export async function startNginx(root: string, configure: (port: number) => string): Promise<Required<RunningServer>> {
  const directory = await mkdtemp(join(root, "nginx-"));
  const port = await freePort();
  const configuration = join(directory, "nginx.conf");
  await writeFile(configuration, around(directory, configure(port)));
  const nginx = spawn("nginx", ["-p", directory, "-e", "stderr", "-c", configuration], { stdio: "inherit" });
  process.on("exit", () => nginx.kill());
  const missing = once(nginx, "error").then(() => Promise.reject(new Error("is not installed")));
  await Promise.race([untilListening(port), missing]);
  return { port, usage: () => sumOfUsages(workersOf(nginx).map(usageOf)) };
}

/** A server of files in this process, and nginx before it: what both use is what it costs. */
export function behindNginx(start: StartServer): StartServer {
  return async (root) => {
    const app = await start(root);
    const nginx = await startNginx(root, (port) => proxyConfiguration(app.port, port));
    return { port: nginx.port, usage: () => usageBehind(nginx) };
  };
}

/** What this process and the nginx before it use. */
export function usageBehind(nginx: Required<RunningServer>): Usage {
  const application = usageOfThisProcess();
  return { ...sumOfUsages([application, nginx.usage()]), applicationCpuSeconds: application.cpuSeconds };
}

/** As nginx's documentation has it for an application that keeps connections open. */
function proxyConfiguration(appPort: number, port: number): string {
  return `
    upstream app { server 127.0.0.1:${appPort}; keepalive 64; }
    server {
      listen 127.0.0.1:${port};
      location / {
        proxy_pass http://app;
        proxy_http_version 1.1;
        proxy_set_header Connection "";
        proxy_set_header Host $http_host;
      }
    }`;
}

function around(directory: string, http: string): string {
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
  return `
    ${process.getuid?.() === 0 ? "user root;" : ""}
    daemon off;
    worker_processes 1;
    pid ${directory}/nginx.pid;
    error_log stderr error;
    events { worker_connections 4096; }
    http {
      ${temporary.map((name) => `${name}_temp_path ${directory}/${name};`).join("\n")}
      access_log off;
      sendfile on;
      tcp_nopush on;
      keepalive_requests 1000000000;
      default_type application/octet-stream;
      ${http}
    }`;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const port = portOf(server.address());
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function untilListening(port: number): Promise<void> {
  for (;;) {
    const socket = connect(port, "127.0.0.1");
    const connected = await once(socket, "connect").then(
      () => true,
      () => false,
    );
    socket.destroy();
    if (connected) return;
    await delay(20);
  }
}

function workersOf(nginx: ChildProcess): readonly number[] {
  const children = readFileSync(`/proc/${nginx.pid}/task/${nginx.pid}/children`, "utf8");
  return [Number(nginx.pid), ...children.trim().split(" ").map(Number)];
}

/** Linux counts CPU time in hundredths of a second, memory in pages of 4 KiB (proc(5)). */
function usageOf(pid: number): Usage {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const [userTicks, systemTicks, rssPages] = [fields[11], fields[12], fields[21]].map(Number);
  return {
    cpuSeconds: (userTicks! + systemTicks!) / 100,
    rssBytes: rssPages! * 4096,
    ...descriptorsOf(`/proc/${pid}/fd`),
  };
}
