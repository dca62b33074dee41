import type { NitroErrorHandler } from "nitro/types";

const onError: NitroErrorHandler = (error) => {
  const page = `the application's own ${error.status === 404 ? "404" : "error"}\n`;
  return new Response(page, { status: error.status, headers: error.headers ?? {} });
};

export default onError;
