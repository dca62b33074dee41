import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";

export interface Listening {
  readonly port: number;
  /** Ends what is under way, too. */
  close(): Promise<void>;
}

/** Answers at a port of this machine, or at any free one. */
export async function listen(listener: RequestListener, port = 0, host = "127.0.0.1"): Promise<Listening> {
  const server = createServer(listener).listen(port, host);
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    async close() {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}

/** Answers at `PORT` and `HOST`; where nothing is said, at 3000, or at a free port if that is taken. */
export async function listenAsTold(listener: RequestListener): Promise<Listening> {
  const { PORT, HOST } = process.env;
  if (!PORT) return listen(listener, 3000, HOST).catch(() => listen(listener, 0, HOST));
  if (!/^\d+$/.test(PORT) || Number(PORT) > 65_535) return exit(`PORT must be a number from 0 to 65535, got "${PORT}"`);
  return listen(listener, Number(PORT), HOST).catch((error: NodeJS.ErrnoException) =>
    exit(error.code === "EADDRINUSE" ? `Port ${PORT} is taken. Choose another: PORT=3001 npm start` : error.message),
  );
}

/** Ends the process with one line in place of a stack trace. */
function exit(message: string): never {
  console.error(message);
  process.exit(1);
}
