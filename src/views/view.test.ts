import { describe, expect, it } from "vitest";
import { respond } from "../../tests/views/respond.ts";
import { ImproperlyConfiguredError, MethodNotAllowedError } from "../errors.ts";
import { View, type ViewOptions } from "./view.ts";

class GreetingView extends View {
  greeting = "hello";
  #count = 0;
  getGreeting(): string {
    return this.greeting;
  }
  get(): Response {
    this.#count += 1;
    return new Response(`${this.getGreeting()} ${this.params["name"] ?? "world"} ${this.#count}`);
  }
}

const context = { params: {}, native: undefined };

describe("asView", () => {
  it("sets its options on the view", async () => {
    const response = await respond(GreetingView.asView({ greeting: "bonjour" }));
    expect(await response.text()).toBe("bonjour world 1");
  });

  it("takes methods as options, which see the view as this", async () => {
    const handler = GreetingView.asView({
      getGreeting() {
        return `${this.greeting} from an option`;
      },
    });
    expect(await (await respond(handler)).text()).toBe("hello from an option world 1");
  });

  it("serves each request with a view of its own", async () => {
    const handler = GreetingView.asView();
    const responses = await Promise.all(["ada", "bob"].map((name) => respond(handler, { params: { name } })));
    expect(await Promise.all(responses.map((response) => response.text()))).toEqual(["hello ada 1", "hello bob 1"]);
  });

  it.each([
    "greetings",
    "request",
    "params",
    "context",
    "setup",
    "dispatch",
    "checkConfiguration",
    "get",
    "post",
    "options",
    "renderToResponse",
    "downloadResponse",
    "file",
    "object",
    "toJSON",
    "constructor",
    "toString",
    "hasOwnProperty",
    "isPrototypeOf",
    "__defineGetter__",
  ])("refuses the option %s when it is called", (name) => {
    const options: ViewOptions<GreetingView> = Object.fromEntries([[name, () => undefined]]);
    expect(() => GreetingView.asView(options)).toThrow(TypeError);
    expect(() => GreetingView.asView(options)).toThrow(`GreetingView.asView() has no option "${name}"`);
  });

  it("takes an option that the class declares, whatever it is called", async () => {
    class Named extends View {
      override toString(): string {
        return "own";
      }
      get(): Response {
        return new Response(this.toString());
      }
    }
    expect(await (await respond(Named.asView({ toString: () => "given" }))).text()).toBe("given");
  });

  it("checks the configuration once, when it is called, options included", async () => {
    const checked: string[] = [];
    class Checked extends GreetingView {
      override checkConfiguration(): void {
        checked.push(this.greeting);
        if (this.greeting === "") throw new ImproperlyConfiguredError("needs a greeting");
      }
    }
    expect(() => Checked.asView({ greeting: "" })).toThrow(ImproperlyConfiguredError);
    const handler = Checked.asView({ greeting: "hi" });
    await respond(handler);
    expect(checked).toEqual(["", "hi"]);
  });

  it("gives the view its request, its parameters and the framework's own request", async () => {
    const seen: unknown[] = [];
    class Watching extends View<{ user: string }> {
      get(): Response {
        seen.push(this.request, this.params, this.context.native.user);
        return new Response();
      }
    }
    const request = new Request("http://localhost/");
    await Watching.asView()(request, { params: { id: "7" }, native: { user: "ada" } });
    expect(seen).toEqual([request, { id: "7" }, "ada"]);
  });
});

describe("dispatch", () => {
  it.each(["GET", "POST", "PUT", "PATCH", "DELETE"])("calls the method that is named after %s", async (method) => {
    class Every extends View {
      get = (): Response => new Response("GET");
      post = (): Response => new Response("POST");
      put = (): Response => new Response("PUT");
      patch = (): Response => new Response("PATCH");
      delete = (): Response => new Response("DELETE");
    }
    expect(await (await respond(Every.asView(), { method })).text()).toBe(method);
  });

  it("answers HEAD with get(), unless there is a head()", async () => {
    class WithHead extends GreetingView {
      head(): Response {
        return new Response(null, { headers: { "X-Head": "own" } });
      }
    }
    expect((await respond(GreetingView.asView(), { method: "HEAD" })).status).toBe(200);
    expect((await respond(WithHead.asView(), { method: "HEAD" })).headers.get("X-Head")).toBe("own");
  });

  it("answers OPTIONS with the methods of the view", async () => {
    const response = await respond(GreetingView.asView(), { method: "OPTIONS" });
    expect([response.status, response.headers.get("Allow")]).toEqual([204, "GET, HEAD, OPTIONS"]);
  });

  it("answers any other method with 405 and the methods of the view", async () => {
    class Form extends GreetingView {
      post(): Response {
        return new Response();
      }
    }
    const response = await respond(Form.asView(), { method: "PUT" });
    expect([response.status, response.headers.get("Allow")]).toEqual([405, "GET, HEAD, POST, OPTIONS"]);
  });

  it.each(["get", "Get", "setup", "dispatch", "DISPATCH", "constructor", "CONSTRUCTOR", "__proto__", "greeting", ""])(
    "never takes the method %j for a member of the view",
    async (method) => {
      const request = { method, url: "/", headers: new Headers() };
      await expect(GreetingView.asView()(request, context)).rejects.toBeInstanceOf(MethodNotAllowedError);
    },
  );
});
