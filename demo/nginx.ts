import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdir, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { userInfo } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { serverConfiguration, type DownloadviewConfig } from "downloadview/config";

export interface NginxOptions {
  /** For its configuration, and all that it writes. */
  readonly folder: string;
  readonly config: DownloadviewConfig;
  readonly appPort: number;
  readonly host: string;
  readonly port: number;
}

/**
 * Runs nginx with what `downloadview config nginx --part` prints, as a child of this process, until it accepts
 * connections. Rejects with `ENOENT` where it is not installed.
 */
export async function startNginx({ folder, config, appPort, host, port }: NginxOptions): Promise<ChildProcess> {
  const app = `http://127.0.0.1:${appPort}`;
  const made = serverConfiguration("nginx", config, { app, listen: `${host}:${port}`, part: true });
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, "downloadview.conf"), made);
  await writeFile(join(folder, "nginx.conf"), around("downloadview.conf"));

  // Debian has it where only the administrator's shell looks.
  const env = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin` };
  const child = spawn("nginx", ["-e", "stderr", "-p", folder, "-c", "nginx.conf"], { env, stdio: "inherit" });
  await once(child, "spawn");
  while (!(await accepts(host, port))) {
    if (child.exitCode !== null || child.signalCode !== null) throw new Error("nginx ended as soon as it was started");
    await setTimeout(20);
  }
  return child;
}

/** A configuration that anybody may run: what Debian's own keeps elsewhere, this one keeps in its folder. */
function around(file: string): string {
  // Started by the administrator, nginx would become a user who may not see the documents.
  const user = process.getuid?.() === 0 ? `user ${userInfo().username};` : "";
  return `daemon off;
pid nginx.pid;
${user}
events { }
http {
  access_log access.log;
  client_body_temp_path client-bodies;
  proxy_temp_path proxy;
  fastcgi_temp_path fastcgi;
  uwsgi_temp_path uwsgi;
  scgi_temp_path scgi;
  include ${file};
}
`;
}

async function accepts(host: string, port: number): Promise<boolean> {
  const socket = connect(port, host);
  const accepted = await once(socket, "connect").then(
    () => true,
    () => false,
  );
  socket.destroy();
  return accepted;
}
