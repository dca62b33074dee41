import { CreateBucketCommand, S3Client, type S3ClientConfig } from "@aws-sdk/client-s3";
import { execFile, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { freePort, listening } from "../../support/ports.ts";

const run = promisify(execFile);

export interface SwiftServer extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  /** A client, also of a proxy in front of the server: `{ endpoint }`. */
  client(config?: S3ClientConfig): S3Client;
  /** A bucket of its own. */
  makeBucket(): Promise<string>;
}

interface Ports {
  readonly proxy: number;
  readonly account: number;
  readonly container: number;
  readonly object: number;
  readonly memcached: number;
}

/** OpenStack Swift with its S3 API, on loopback: a store that checks signatures. */
export async function startSwift(): Promise<SwiftServer> {
  const folder = await mkdtemp(join(tmpdir(), "swift-"));
  const [proxy = 0, account = 0, container = 0, object = 0, memcached = 0] = await Promise.all(
    Array.from({ length: 5 }, freePort),
  );
  const ports = { proxy, account, container, object, memcached };
  await configure(folder, ports);
  const processes = startProcesses(folder, ports);
  await Promise.all(Object.values(ports).map(listening));
  const url = `http://127.0.0.1:${proxy}`;
  const client = (config: S3ClientConfig = {}): S3Client => new S3Client({ ...clientConfig, endpoint: url, ...config });
  let buckets = 0;
  return {
    url,
    port: proxy,
    client,
    async makeBucket() {
      const bucket = `bucket-${++buckets}`;
      await client().send(new CreateBucketCommand({ Bucket: bucket }));
      return bucket;
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(processes.map(stop));
      await rm(folder, { recursive: true });
    },
  };
}

const clientConfig: S3ClientConfig = {
  region: "us-east-1",
  forcePathStyle: true,
  credentials: { accessKeyId: "test:tester", secretAccessKey: "testing" },
};

function startProcesses(folder: string, ports: Ports): ChildProcess[] {
  const start = (command: string, ...args: string[]): ChildProcess =>
    spawn(command, args, { cwd: folder, stdio: "ignore" });
  return [
    start("memcached", "-u", userInfo().username, "-l", "127.0.0.1", "-p", String(ports.memcached), "-m", "16"),
    ...["account", "container", "object", "proxy"].map((name) => start(`swift-${name}-server`, `${name}.conf`)),
  ];
}

async function stop(process: ChildProcess): Promise<void> {
  if (process.exitCode !== null) return;
  const ended = once(process, "exit");
  process.kill();
  await ended;
}

async function configure(folder: string, ports: Ports): Promise<void> {
  await mkdir(join(folder, "devices/d1"), { recursive: true });
  await writeFile(join(folder, "swift.conf"), swiftConf);
  await writeFile(join(folder, "proxy.conf"), proxyConf(folder, ports));
  await Promise.all(
    (["account", "container", "object"] as const).map(async (name) => {
      await writeFile(join(folder, `${name}.conf`), serverConf(folder, name, ports[name]));
      await buildRing(folder, name, ports[name]);
    }),
  );
}

/** One device and one replica. */
async function buildRing(folder: string, name: string, port: number): Promise<void> {
  for (const step of [["create", "4", "1", "1"], ["add", `r1z1-127.0.0.1:${port}/d1`, "1"], ["rebalance"]]) {
    await run("swift-ring-builder", [`${name}.builder`, ...step], { cwd: folder });
  }
}

const swiftConf = `[swift-hash]
swift_hash_path_prefix = test
swift_hash_path_suffix = test
[storage-policy:0]
name = Policy-0
default = yes
`;

const common = (folder: string, port: number): string => `[DEFAULT]
bind_ip = 127.0.0.1
bind_port = ${port}
workers = 0
user = ${userInfo().username}
swift_dir = ${folder}
devices = ${folder}/devices
mount_check = false
log_level = ERROR
`;

const serverConf = (folder: string, name: string, port: number): string => `${common(folder, port)}
[pipeline:main]
pipeline = ${name}-server
[app:${name}-server]
use = egg:swift#${name}
`;

const proxyConf = (folder: string, ports: Ports): string => `${common(folder, ports.proxy)}
[pipeline:main]
pipeline = catch_errors proxy-logging cache s3api tempauth slo dlo proxy-server
[app:proxy-server]
use = egg:swift#proxy
account_autocreate = true
[filter:catch_errors]
use = egg:swift#catch_errors
[filter:proxy-logging]
use = egg:swift#proxy_logging
[filter:cache]
use = egg:swift#memcache
memcache_servers = 127.0.0.1:${ports.memcached}
[filter:s3api]
use = egg:swift#s3api
location = us-east-1
[filter:tempauth]
use = egg:swift#tempauth
user_test_tester = testing .admin
[filter:slo]
use = egg:swift#slo
[filter:dlo]
use = egg:swift#dlo
`;
