import { fetchHandler } from "../fetch.ts";
import { memoryFiles } from "../memory.ts";

interface Environment {
  UPSTREAM: string;
}

export default {
  fetch: (request: Request, { UPSTREAM: upstream }: Environment): Promise<Response> =>
    fetchHandler({ files: memoryFiles, upstream })(request),
};
