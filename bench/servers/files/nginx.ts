import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { mkdtemp, writeFile } from "node:fs/promises";
import { connect, createServer } from "node:net";
import { once } from "node:events";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { Usage } from "../../harness/protocol.ts";
import { descriptorsOf, portOf, type StartServer } from "../../harness/running-server.ts";

/** The limit of the system: sendfile, no log. One worker, as there is one core. */
export const start: StartServer = async (root) => {
  const directory = await mkdtemp(join(root, "nginx-"));
  const port = await freePort();
  const configuration = join(directory, "nginx.conf");
  await writeFile(configuration, configure(directory, root, port));
  const nginx = spawn("nginx", ["-p", directory, "-e", "stderr", "-c", configuration], { stdio: "inherit" });
  process.on("exit", () => nginx.kill());
  const missing = once(nginx, "error").then(() => Promise.reject(new Error("is not installed")));
  await Promise.race([untilListening(port), missing]);
  return { port, usage: () => sum(workersOf(nginx).map(usageOf)) };
};

function configure(directory: string, root: string, port: number): string {
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
      server { listen 127.0.0.1:${port}; root ${root}; }
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

function sum(usages: readonly Usage[]): Usage {
  return usages.reduce((all, one) => ({
    cpuSeconds: all.cpuSeconds + one.cpuSeconds,
    rssBytes: all.rssBytes + one.rssBytes,
    descriptors: (all.descriptors ?? 0) + (one.descriptors ?? 0),
  }));
}
