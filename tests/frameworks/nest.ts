import "reflect-metadata";
import {
  All,
  Catch,
  Controller,
  Get,
  Module,
  Scope,
  type ArgumentsHost,
  type CallHandler,
  type ExceptionFilter,
  type ExecutionContext,
  type INestApplication,
  type NestInterceptor,
} from "@nestjs/common";
import { HttpAdapterHost } from "@nestjs/core";
import { DownloadMixin, VirtualFile, type DownloadResult } from "downloadview";
import { DownloadInterceptor } from "downloadview/nest";
import { tap, type Observable } from "rxjs";
import { earlierFields, offload, report, routes } from "./application.ts";
import { files, log, upstream } from "./server.ts";

interface Authenticated {
  headers: Record<string, string | string[] | undefined>;
}

@Controller()
class DownloadsController {
  @Get("send")
  send(): DownloadResult {
    return report();
  }

  @Get("log")
  log(): string[] {
    return log;
  }
}

// Each route of the suite is a method that returns a view.
const userOf = ({ headers }: Authenticated): string | undefined => headers["x-user"]?.toString();
for (const { name, wildcard, handler } of routes<Authenticated>({ files, userOf, upstream })) {
  const descriptor = { value: () => handler, configurable: true, writable: true };
  Object.defineProperty(DownloadsController.prototype, name, descriptor);
  All(wildcard ? `${name}/*` : name)(DownloadsController.prototype, name, descriptor);
}

/** Of one request each, as the mixin keeps on `this` what belongs to the request. */
@Controller({ path: "mixin", scope: Scope.REQUEST })
class MixinController extends DownloadMixin(class {}) {
  override getFile(): VirtualFile {
    return new VirtualFile("from a mixin\n", { name: "mixin.txt" });
  }

  @Get()
  get(): Promise<DownloadResult> {
    return this.renderToResponse();
  }
}

class LoggingInterceptor implements NestInterceptor {
  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const http = context.switchToHttp();
    const request: Authenticated & { method: string; url: string } = http.getRequest();
    const response: { statusCode: number; header(name: string, value: string): unknown } = http.getResponse();
    for (const [name, value] of earlierFields(request.headers["x-fields"])) response.header(name, value);
    return next.handle().pipe(
      tap(() => {
        response.header("X-After", "kept");
        log.push(`${request.method} ${request.url} ${response.statusCode}`);
      }),
    );
  }
}

@Catch()
class PlainFilter implements ExceptionFilter {
  readonly #host: HttpAdapterHost;

  constructor(host: HttpAdapterHost) {
    this.#host = host;
  }

  catch(error: { getStatus?(): number; status?: number; statusCode?: number }, host: ArgumentsHost): void {
    const { httpAdapter } = this.#host;
    const response = host.switchToHttp().getResponse();
    if (httpAdapter.isHeadersSent(response)) return httpAdapter.end(response);
    const status = error.getStatus?.() ?? error.status ?? error.statusCode ?? 500;
    httpAdapter.setHeader(response, "Content-Type", "text/plain");
    httpAdapter.reply(response, `the application's own ${status === 404 ? "404" : "error"}\n`, status);
  }
}

@Module({ controllers: [DownloadsController, MixinController] })
export class ApplicationModule {}

export function configure(app: INestApplication): void {
  app.enableCors({ origin: "https://app.example", exposedHeaders: "Content-Disposition" });
  app.useGlobalInterceptors(new LoggingInterceptor(), new DownloadInterceptor(offload));
  app.useGlobalFilters(new PlainFilter(app.get(HttpAdapterHost)));
}
