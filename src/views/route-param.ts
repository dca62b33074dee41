import { warnOnce } from "../diagnostics.ts";
import type { View } from "./view.ts";

/**
 * The value of the first of the route parameters `names` that the URL has. Warns, once, where the route has none of
 * them: then it is not the URL that is wrong, but the route or the name.
 * @param option the option of the view that the name is set with
 */
export function routeParam(view: View, names: readonly string[], option: string): string | undefined {
  const { params } = view;
  const found = names.find((name) => params[name] !== undefined);
  if (found !== undefined) return params[found];
  if (!names.some((name) => name in params)) warnOfMissing(view, names, option);
  return undefined;
}

function warnOfMissing({ constructor, params }: View, names: readonly string[], option: string): void {
  const quoted = (all: readonly string[]): string => all.map((name) => JSON.stringify(name)).join(" and ");
  const has = Object.keys(params);
  warnOnce(
    "DOWNLOADVIEW_NO_SUCH_PARAM",
    `${constructor.name} looks for the route parameter ${quoted(names)}, and the route has ` +
      `${has.length === 0 ? "no parameters" : `only ${quoted(has)}`}: it answers 404. Rename the parameter in the ` +
      `route, or set ${option}. ` +
      `A handler that is mounted without a route, as by app.use(), has no parameters; an optional parameter needs a ` +
      `default.`,
  );
}
