import { diagnose, formatDiagnosis, HealthcheckDownloadView } from "downloadview/doctor";
import type { DownloadviewConfig } from "downloadview/config";
import type { DownloadHandler } from "downloadview";
import type { RequestHandler } from "express";

/** What the doctor asks for: mount it at the `url` of `healthcheck` in the configuration. */
export function healthcheckView(config: DownloadviewConfig): DownloadHandler {
  return HealthcheckDownloadView.asView({ config });
}

/** Runs the doctor on this very demo, and on nginx where it stands in front, and answers with its report. */
export function diagnosis(config: DownloadviewConfig, behindNginx: boolean): RequestHandler {
  return async (request, response) => {
    const app = `http://127.0.0.1:${request.socket.localPort}`;
    const proxy = behindNginx ? `${request.protocol}://${request.get("Host")}` : undefined;
    // Nothing in front, nothing to offload: the doctor looks at the storage and the application alone.
    const examined: DownloadviewConfig = behindNginx ? config : { ...config, backend: "none", rules: [] };
    response.type("text").send(formatDiagnosis(await diagnose(examined, { app, proxy })));
  };
}
